import type { Kind } from './damage.ts'

export interface Counts {
  readonly cases: number
  readonly refused: number
}

/** The number of damages of each kind that `npm test` tries, and after how many of them the store refuses to open. */
export const counts: Readonly<Record<Kind, Counts>> = {
  'one bit of a byte flipped': { cases: 42_719, refused: 5_848 },
  'a byte inverted': { cases: 42_719, refused: 5_848 },
  'a file cut': { cases: 42_719, refused: 17_430 },
  'zeros from a sector on': { cases: 3_280, refused: 1_306 },
  'a sector zeroed': { cases: 3_280, refused: 336 },
  'a block zeroed': { cases: 410, refused: 226 },
  'a block written over another one': { cases: 1_188, refused: 772 },
  'two segments swapped': { cases: 820, refused: 790 },
  'a file missing': { cases: 263, refused: 217 },
  'a file of an earlier moment': { cases: 697, refused: 367 },
  'a group copied over the next one': { cases: 323, refused: 104 },
  'a group repeated': { cases: 323, refused: 99 },
  'a group repeated twice': { cases: 323, refused: 99 },
  'a group removed': { cases: 323, refused: 250 },
}

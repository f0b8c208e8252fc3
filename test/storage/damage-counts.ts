import type { Kind } from './damage.ts'

export interface Counts {
  readonly cases: number
  readonly refused: number
}

/** The number of damages of each kind that `npm test` tries, and after how many of them the store refuses to open. */
export const counts: Readonly<Record<Kind, Counts>> = {
  'one bit of a byte flipped': { cases: 7_612, refused: 991 },
  'a byte inverted': { cases: 7_612, refused: 991 },
  'a file cut': { cases: 7_612, refused: 3_303 },
  'zeros from a sector on': { cases: 3_280, refused: 1_306 },
  'a sector zeroed': { cases: 3_280, refused: 336 },
  'a block zeroed': { cases: 410, refused: 226 },
  'a block written over another one': { cases: 1_188, refused: 772 },
  'two segments swapped': { cases: 947, refused: 917 },
  'a file missing': { cases: 280, refused: 233 },
  'a file of an earlier moment': { cases: 713, refused: 377 },
  'a group copied over the next one': { cases: 325, refused: 91 },
  'a group repeated': { cases: 325, refused: 86 },
  'a group repeated twice': { cases: 325, refused: 86 },
  'a group removed': { cases: 325, refused: 251 },
}

import type { Kind } from './damage.ts'

export interface Counts {
  readonly cases: number
  readonly refused: number
}

/** The number of damages of each kind that `npm test` tries, and after how many of them the store refuses to open. */
export const counts: Readonly<Record<Kind, Counts>> = {
  'one bit of a byte flipped': { cases: 42_889, refused: 5_860 },
  'a byte inverted': { cases: 42_889, refused: 5_860 },
  'a file cut': { cases: 42_889, refused: 17_501 },
  'zeros from a sector on': { cases: 3_600, refused: 1_411 },
  'a sector zeroed': { cases: 3_600, refused: 361 },
  'a block zeroed': { cases: 450, refused: 244 },
  'a block written over another one': { cases: 1_308, refused: 846 },
  'two segments swapped': { cases: 833, refused: 803 },
  'a file missing': { cases: 273, refused: 224 },
  'a file of an earlier moment': { cases: 766, refused: 392 },
  'a group copied over the next one': { cases: 338, refused: 111 },
  'a group repeated': { cases: 338, refused: 106 },
  'a group repeated twice': { cases: 338, refused: 106 },
  'a group removed': { cases: 338, refused: 261 },
}

import type { Kind } from './damage.ts'

export interface Counts {
  readonly cases: number
  readonly refused: number
}

/** The number of damages of each kind that `npm test` tries, and after how many of them the store refuses to open. */
export const counts: Readonly<Record<Kind, Counts>> = {
  'one bit of a byte flipped': { cases: 8_399, refused: 1_070 },
  'a byte inverted': { cases: 8_399, refused: 1_070 },
  'a file cut': { cases: 8_399, refused: 3_588 },
  'zeros from a sector on': { cases: 4_726, refused: 1_698 },
  'a sector zeroed': { cases: 4_726, refused: 469 },
  'a block zeroed': { cases: 610, refused: 304 },
  'a block written over another one': { cases: 1_696, refused: 985 },
  'two segments swapped': { cases: 1_165, refused: 1_124 },
  'a file missing': { cases: 674, refused: 518 },
  'a file of an earlier moment': { cases: 3_048, refused: 1_065 },
  'a group copied over the next one': { cases: 746, refused: 195 },
  'a group repeated': { cases: 746, refused: 171 },
  'a group repeated twice': { cases: 746, refused: 171 },
  'a group removed': { cases: 746, refused: 470 },
}

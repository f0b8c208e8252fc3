/**
 * A state of a search as a row of whole numbers: the node of each server, in order; the network; what has been used up;
 * and what the invariants know.
 */
export type Row = Int32Array

/** Where things stand in a row of a cluster of so many servers. */
export interface Layout {
  readonly width: number
  readonly network: number
  readonly used: number
  readonly known: number
}

export function layoutOf(servers: number): Layout {
  return { width: servers + 3, network: servers, used: servers + 1, known: servers + 2 }
}

/**
 * What has been used up, as bits of one number: the requests that were answered, those that were asked, the servers that were
 * moved, and the number of crashes. Only bits that decide something are kept, so that they tell no two states apart needlessly.
 */
export const usedBits = {
  answered: (place: number): number => 1 << place,
  asked: (place: number): number => 1 << (8 + place),
  moved: (server: number): number => 1 << (16 + server),
  crash: 1 << 24,
} as const

export function crashesIn(used: number): number {
  return used >>> 24
}

/** A place of a row. Rows are as wide as their layout, so there is always something. */
export function at(row: Row, place: number): number {
  return row[place] ?? 0
}

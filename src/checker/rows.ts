/**
 * A state of a search as a row of whole numbers: the node of each server, in order; the set of datagrams in flight to each server; the
 * used bits; and the knowledge of the invariants.
 */
export type Row = Int32Array

/** The columns of a row. */
export interface Layout {
  readonly width: number
  readonly servers: number
  /** The set of datagrams to server 0. Those to the others follow. */
  readonly networks: number
  readonly used: number
  readonly known: number
}

export function layoutOf(servers: number): Layout {
  return { width: 2 * servers + 2, servers, networks: servers, used: 2 * servers, known: 2 * servers + 1 }
}

/**
 * The used bits of a state, in one number: the requests that were answered, the requests that were sent, the servers that were moved,
 * and the number of crashes. The search only keeps the bits that it needs, so that no states differ without reason.
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

/** A column of a row. Rows are as wide as their layout, so the column exists. */
export function at(row: Row, place: number): number {
  return row[place] ?? 0
}

import type { Instance } from '../../machines/batch.ts'

/** A new cluster that goes on from an old state. */
export interface FoundedFrom {
  readonly cluster: string
  /** The cluster goes on at this instance. */
  readonly instance: Instance
}

export interface RecoveredCluster extends FoundedFrom {
  /** Where the old directory is now. No server starts with it. */
  readonly kept: string
}

/** The names of a server's options as its user writes them. Errors and logs use these names. */
import type { NodeOptions } from './node.ts'

export type OptionName =
  | keyof NodeOptions
  | 'bootstrap.members'
  | 'bootstrap.cluster'
  /** Storage in memory: `dataDir` is `null`. */
  | 'memory'

export interface OptionWords {
  /** Precedes a name at the start of a sentence. */
  readonly article: string
  readonly names: Readonly<Record<OptionName, string>>
}

/** For a program that calls `startNode`. */
export const programWords: OptionWords = {
  article: 'the option ',
  names: {
    id: 'id',
    listen: 'listen',
    advertise: 'advertise',
    dataDir: 'dataDir',
    memory: 'dataDir null',
    moved: 'moved',
    bootstrap: 'bootstrap',
    'bootstrap.members': 'bootstrap.members',
    'bootstrap.cluster': 'bootstrap.cluster',
    signal: 'signal',
    join: 'join',
    addresses: 'addresses',
    service: 'service',
    logger: 'logger',
    executedLog: 'executedLog',
    journal: 'journal',
    inspect: 'inspect',
    stately: 'stately',
    timing: 'timing',
    limits: 'limits',
    snapshotEvery: 'snapshotEvery',
    diskLowWaterBytes: 'diskLowWaterBytes',
    allowFaults: 'allowFaults',
    resolver: 'resolver',
    onFate: 'onFate',
  },
}

/** For a user of `paxos node`. */
export const commandWords: OptionWords = {
  article: '',
  names: {
    ...programWords.names,
    id: '--id',
    listen: '--listen',
    advertise: '--advertise',
    dataDir: '--data',
    memory: '--memory',
    moved: '--moved',
    bootstrap: '--bootstrap',
    'bootstrap.members': '--members',
    'bootstrap.cluster': '--cluster',
    join: '--join',
    addresses: '--addresses',
    service: '--service',
    executedLog: '--executed-log',
    journal: '--journal',
    snapshotEvery: '--snapshot-every',
    diskLowWaterBytes: '--disk-low-water',
    inspect: '--inspect',
    stately: '--stately',
    allowFaults: '--allow-faults',
  },
}

/** The clusters in which faults are looked for. */
import type { Command, NodeId } from '../../machines/batch.ts'
import type { Bounds, PossibleRequest } from '../../src/checker/bounds.ts'
import { serverAddress } from '../../src/core/names.ts'
import type { EndingSession } from '../../src/schedule/cluster.ts'
import { lockCommand, unlockCommand } from '../../src/services/lock-commands.ts'
import type { Wandering } from '../support/wander.ts'

const service = (action: 'lock' | 'unlock'): Command => ({
  kind: 'service',
  body: action === 'lock' ? lockCommand('x') : unlockCommand('x'),
})
const remove = (id: NodeId): Command => ({ kind: 'members', change: { action: 'remove', id } })

/** Admits a server under a directory that it has lost since. */
function admitLost(id: NodeId): Command {
  return { kind: 'members', change: { action: 'admit', id, address: serverAddress(id), incarnation: 'lost' } }
}

function asked(client: string, command: Command, ...servers: readonly NodeId[]): PossibleRequest {
  return { client, seq: 1, command, servers }
}

/** Three servers, two of which propose, with two ballots each, in one instance; a sync ends at once. */
const duel: Bounds = {
  servers: 3,
  joining: 0,
  requests: [asked('a', service('lock'), 0), asked('b', service('lock'), 1)],
  rounds: 2,
  instances: 1,
  crashes: 0,
  crashing: [],
  syncs: 'atOnce',
  handsOver: false,
}

/** For the model checker. */
export const bounds = {
  'a duel': duel,
  'a duel, two instances': { ...duel, instances: 2 },
  'four servers': { ...duel, servers: 4, rounds: 1 },
  'five servers, one proposes': {
    ...duel,
    servers: 5,
    rounds: 1,
    requests: [asked('a', service('lock'), 0)],
  },
  'four servers, two of which are removed': {
    ...duel,
    servers: 4,
    rounds: 1,
    instances: 2,
    requests: [asked('a', remove(3), 0), asked('b', remove(0), 3)],
  },
  'a server whose directory is not the one that was admitted': {
    ...duel,
    servers: 2,
    joining: 1,
    instances: 2,
    requests: [asked('a', admitLost(2), 0), asked('b', service('lock'), 0)],
  },
  'two servers, one of which runs on with the directory that was replaced': {
    ...duel,
    servers: 2,
    rounds: 3,
    instances: 3,
    requests: [asked('a', remove(1), 0), asked('b', admitLost(1), 0), asked('c', service('lock'), 0)],
  },
  'a proposer that restarts': {
    ...duel,
    rounds: 1,
    requests: [asked('a', service('lock'), 0), asked('b', service('lock'), 0)],
    crashes: 1,
    crashing: [0],
    syncs: 'anyTime',
  },
  'two reads at a server that does not propose': {
    ...duel,
    rounds: 1,
    instances: 2,
    requests: [asked('a', service('lock'), 0)],
    reads: ['r', 's'].map((client) => ({ client, server: 1, body: { action: 'query' } })),
  },
  'a request that two servers are asked for': {
    ...duel,
    rounds: 1,
    instances: 3,
    requests: [asked('a', service('lock'), 0, 1), asked('b', service('unlock'), 0)],
  },
  'one server that restarts': {
    ...duel,
    servers: 1,
    instances: 3,
    requests: [asked('a', service('lock'), 0), asked('b', service('unlock'), 0)],
    crashes: 1,
    crashing: [0],
  },
} as const satisfies Readonly<Record<string, Bounds>>

export type BoundsName = keyof typeof bounds

export interface World extends Pick<Wandering, 'commands' | 'replaced' | 'reads'> {
  readonly servers: number
  readonly ending?: EndingSession
}

/** For schedules of chance. */
export const worlds = {
  'three servers': { servers: 3 },
  'three servers, with reads': { servers: 3, reads: true },
  'four servers, with reads, two of which may be removed': {
    ...{ servers: 4, reads: true },
    commands: [remove(0), remove(3)],
  },
  'four servers': { servers: 4 },
  'four servers, two of which may be removed': { servers: 4, commands: [remove(0), remove(3)] },
  'three servers, one of which may lose its disk': { servers: 3, replaced: [2] },
  'three servers, and a session that ends': {
    servers: 3,
    ending: { client: 'a', ttlMs: 2_000 },
    commands: [{ kind: 'touch' }],
  },
} as const satisfies Readonly<Record<string, World>>

export type WorldName = keyof typeof worlds

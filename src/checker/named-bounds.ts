/** Bounds with names. Each is small enough for a complete search, and has a purpose of its own. */
import type { Command, NodeId } from '../../machines/batch.ts'
import { serverAddress } from '../core/names.ts'
import { lockCommand, unlockCommand } from '../services/lock-commands.ts'
import { type Bounds, batchMs, type PossibleRead, type PossibleRequest } from './bounds.ts'
import { joiningIncarnation } from './cluster.ts'
import type { WitnessName } from './witnesses.ts'

export interface NamedBounds {
  readonly name: string
  readonly about: string
  readonly bounds: Bounds
  /** The witnesses that a search must reach. */
  readonly reaches: readonly WitnessName[]
  /** `null` when no search has been complete since the last change of the rules. */
  readonly counted: Counted | null
}

/**
 * The counts of a complete search. They depend on every rule in `machines/`, and stay the same until one of the rules changes. The new
 * counts show the effect of a changed rule: record the counts that `paxos check` finds.
 */
export interface Counted {
  readonly states: number
  readonly depth: number
  /** The number of events in the shortest schedule that reaches each witness. */
  readonly ways: Partial<Readonly<Record<WitnessName, number>>>
}

const one: Bounds = {
  servers: 3,
  joining: 0,
  requests: [lock('a', [0]), lock('b', [1])],
  rounds: 2,
  instances: 1,
  crashes: 0,
  crashing: [],
  syncs: 'atOnce',
  handsOver: false,
}

const admission: Command = {
  kind: 'members',
  change: { action: 'admit', id: 2, address: serverAddress(2), incarnation: joiningIncarnation(2) },
}

const lostAdmission: Command = {
  kind: 'members',
  change: { action: 'admit', id: 2, address: serverAddress(2), incarnation: 'lost' },
}

/** A server joins two others. `command` admits it. */
const joined = (command: Command): Bounds => ({
  ...one,
  servers: 2,
  joining: 1,
  requests: [asked('m', command, [0]), lock('b', [0, 1])],
  instances: 2,
})

/** One of three servers is removed. All three propose. */
const changed = (rounds: number): Bounds => ({
  ...one,
  requests: [asked('m', removal, [0]), lock('b', [1]), lock('c', [2])],
  rounds,
  instances: 2,
})

/** Server 1 is removed, and another directory is admitted under its id. The old directory still runs, but is no longer counted. */
const replaced: Bounds = {
  ...one,
  servers: 2,
  requests: [
    asked('m', { kind: 'members', change: { action: 'remove', id: 1 } }, [0]),
    asked(
      'a',
      {
        kind: 'members',
        change: { action: 'admit', id: 1, address: serverAddress(1), incarnation: 'anew' },
      },
      [0],
    ),
    lock('b', [0]),
  ],
  rounds: 3,
  instances: 3,
}

const removal: Command = { kind: 'members', change: { action: 'remove', id: 0 } }

export const namedBounds: readonly NamedBounds[] = [
  {
    name: 'single',
    about: 'one instance, three servers, two proposers with two ballots each, one crash anywhere',
    bounds: { ...one, crashes: 1, crashing: [0, 1, 2] },
    reaches: ['chosen', 'duel', 'helping', 'catchUp', 'afterCrash', 'catchUpAfterCrash'],
    counted: {
      states: 77_797,
      depth: 28,
      ways: { chosen: 5, duel: 8, helping: 8, catchUp: 10, afterCrash: 6, catchUpAfterCrash: 11 },
    },
  },
  {
    name: 'ballots',
    about: 'one instance, three servers, two proposers with three ballots each',
    bounds: { ...one, rounds: 3 },
    reaches: ['chosen', 'duel', 'helping', 'catchUp'],
    counted: { states: 47_698, depth: 26, ways: { chosen: 5, duel: 8, helping: 8, catchUp: 10 } },
  },
  {
    name: 'pair',
    about: 'two instances, two servers, each a proposer with three ballots, one crash anywhere',
    bounds: { ...one, servers: 2, rounds: 3, instances: 2, crashes: 1, crashing: [0, 1] },
    reaches: ['chosen', 'duel', 'helping', 'catchUp', 'afterCrash', 'catchUpAfterCrash'],
    counted: {
      states: 12_352,
      depth: 27,
      ways: { chosen: 5, duel: 8, helping: 8, catchUp: 10, afterCrash: 6, catchUpAfterCrash: 11 },
    },
  },
  {
    name: 'syncs',
    about:
      'one instance, three servers, two proposers with a ballot each, syncs that end at any time, a crash of one proposer',
    bounds: { ...one, rounds: 1, syncs: 'anyTime', crashes: 1, crashing: [0] },
    reaches: ['chosen', 'helping', 'catchUp', 'afterCrash', 'catchUpAfterCrash'],
    counted: {
      states: 319_675,
      depth: 36,
      ways: { chosen: 9, helping: 15, catchUp: 17, afterCrash: 10, catchUpAfterCrash: 18 },
    },
  },
  {
    name: 'delayed',
    about: 'three instances, two servers, one of which is asked for a lock twice, and for its release',
    bounds: {
      ...one,
      servers: 2,
      requests: [lock('a', [0], 'x'), lock('b', [0], 'x'), { ...unlock('a', [0], 'x'), seq: 2 }],
      rounds: 1,
      instances: 3,
    },
    reaches: ['chosen', 'woken'],
    counted: { states: 125, depth: 14, ways: { chosen: 5, woken: 11 } },
  },
  {
    name: 'sessions',
    about:
      'four instances, two servers, one of which is asked; a session, which may be touched, ends and frees its lock',
    bounds: {
      ...one,
      servers: 2,
      requests: [lock('a', [0], 'x'), lock('b', [0], 'x'), { ...asked('a', { kind: 'touch' }, [0]), seq: 2 }],
      rounds: 1,
      instances: 4,
      ending: { client: 'a', ttlMs: 2 * batchMs },
    },
    reaches: ['chosen', 'catchUp', 'woken', 'sessionEnded'],
    counted: {
      states: 474_201,
      depth: 35,
      ways: { chosen: 5, catchUp: 14, woken: 13, sessionEnded: 8 },
    },
  },
  {
    name: 'reads',
    about:
      'two instances, three servers, one proposer with a ballot, two clients that read at a server that does not propose',
    bounds: {
      ...one,
      requests: [lock('a', [0])],
      rounds: 1,
      instances: 2,
      reads: [read('r', 1), read('s', 1)],
    },
    reaches: ['chosen', 'catchUp', 'read', 'readLater'],
    counted: { states: 25_556, depth: 16, ways: { chosen: 5, catchUp: 10, read: 10, readLater: 10 } },
  },
  {
    name: 'readsRemoval',
    about:
      'two instances, three servers, two proposers with a ballot each, one of which is removed, and a read at the third',
    bounds: {
      ...one,
      requests: [asked('m', removal, [0]), lock('b', [1])],
      rounds: 1,
      instances: 2,
      reads: [read('r', 2)],
    },
    reaches: ['chosen', 'catchUp', 'newMembers', 'read', 'readLater'],
    counted: {
      states: 63_865,
      depth: 22,
      ways: { chosen: 5, catchUp: 10, read: 10, readLater: 10, newMembers: 5 },
    },
  },
  {
    name: 'removal',
    about: 'two instances, three servers, two proposers with two ballots each, one of which is removed',
    bounds: { ...one, requests: [asked('m', removal, [0]), lock('b', [1])], instances: 2 },
    reaches: ['chosen', 'duel', 'helping', 'catchUp', 'newMembers', 'newQuorum'],
    counted: {
      states: 33_005,
      depth: 30,
      ways: { chosen: 5, duel: 8, helping: 8, catchUp: 10, newMembers: 5, newQuorum: 14 },
    },
  },
  {
    name: 'admission',
    about: 'two instances, two servers and one that is admitted, two proposers with two ballots each',
    bounds: joined(admission),
    reaches: ['chosen', 'duel', 'helping', 'catchUp', 'newMembers', 'newQuorum'],
    counted: {
      states: 10_995,
      depth: 30,
      ways: { chosen: 5, duel: 8, helping: 8, catchUp: 9, newMembers: 5, newQuorum: 10 },
    },
  },
  {
    name: 'snapshots',
    about:
      'two instances, two servers and one that is admitted and learns after the first batch was deleted, one proposer with two ballots',
    bounds: {
      ...joined(admission),
      requests: [asked('m', admission, [0]), lock('b', [0])],
      snapshotEvery: 1,
    },
    reaches: ['chosen', 'catchUp', 'installed', 'newMembers', 'newQuorum'],
    counted: {
      states: 2768,
      depth: 24,
      ways: { chosen: 5, catchUp: 9, installed: 14, newMembers: 5, newQuorum: 10 },
    },
  },
  {
    name: 'snapshotsCrash',
    about: 'the same with a crash of the one that sends the snapshot, or of the one that installs it',
    bounds: {
      ...joined(admission),
      requests: [asked('m', admission, [0]), lock('b', [0])],
      snapshotEvery: 1,
      crashes: 1,
      crashing: [0, 2],
    },
    reaches: ['chosen', 'catchUp', 'installed', 'newMembers', 'newQuorum', 'afterCrash', 'catchUpAfterCrash'],
    counted: {
      states: 21_261,
      depth: 26,
      ways: {
        ...{ chosen: 5, helping: 10, catchUp: 9, afterCrash: 6, catchUpAfterCrash: 10 },
        ...{ installed: 14, newMembers: 5, newQuorum: 10 },
      },
    },
  },
  {
    name: 'change',
    about: 'two instances, three servers, each a proposer with a ballot, one of which is removed',
    bounds: changed(1),
    reaches: ['chosen', 'helping', 'catchUp', 'newMembers'],
    counted: null,
  },
  {
    name: 'changes',
    about:
      'two instances, three servers, each a proposer with two ballots, one of which is removed; takes half an hour or more, and 12 GB',
    bounds: changed(2),
    reaches: ['chosen', 'duel', 'helping', 'catchUp', 'newMembers', 'newQuorum'],
    counted: null,
  },
  {
    name: 'lost',
    about: 'two instances, two servers and one that is admitted under a directory that it has lost since',
    bounds: joined(lostAdmission),
    reaches: ['chosen', 'duel', 'helping', 'catchUp', 'newMembers', 'newQuorum'],
    counted: {
      states: 4415,
      depth: 30,
      ways: { chosen: 5, duel: 8, helping: 8, catchUp: 9, newMembers: 5, newQuorum: 10 },
    },
  },
  {
    name: 'replaced',
    about: 'three instances, two servers, one of which is removed and runs on with its old directory',
    bounds: replaced,
    reaches: ['chosen', 'catchUp', 'newMembers'],
    counted: { states: 178, depth: 11, ways: { chosen: 5, catchUp: 10, newMembers: 5 } },
  },
  {
    name: 'instances',
    about: 'two instances, three servers, two proposers with a ballot each, one crash anywhere',
    bounds: { ...one, rounds: 1, instances: 2, crashes: 1, crashing: [0, 1, 2] },
    reaches: ['chosen', 'helping', 'catchUp', 'afterCrash', 'catchUpAfterCrash'],
    counted: {
      states: 111_131,
      depth: 33,
      ways: { chosen: 5, helping: 8, catchUp: 10, afterCrash: 6, catchUpAfterCrash: 11 },
    },
  },
  {
    name: 'serial',
    about: 'two instances, three servers, two proposers with two ballots each',
    bounds: { ...one, instances: 2 },
    reaches: ['chosen', 'duel', 'helping', 'catchUp'],
    counted: null,
  },
  {
    name: 'even',
    about: 'one instance, four servers, two proposers with two ballots each',
    bounds: { ...one, servers: 4 },
    reaches: ['chosen', 'duel', 'helping', 'catchUp'],
    counted: { states: 85_864, depth: 31, ways: { chosen: 9, duel: 13, helping: 14, catchUp: 16 } },
  },
  {
    name: 'proposers',
    about: 'one instance, three servers, each a proposer with two ballots',
    bounds: { ...one, requests: [lock('a', [0]), lock('b', [1]), lock('c', [2])] },
    reaches: ['chosen', 'duel', 'helping', 'catchUp'],
    counted: null,
  },
  {
    name: 'handOver',
    about:
      'two instances, three servers, two of which are asked, have a ballot each, and hand over to the leader',
    bounds: { ...one, rounds: 1, instances: 2, handsOver: true },
    reaches: ['chosen', 'helping', 'catchUp', 'handedOver'],
    counted: { states: 596_753, depth: 35, ways: { chosen: 5, helping: 8, catchUp: 10, handedOver: 8 } },
  },
  {
    name: 'handOverCrash',
    about:
      'one instance, three servers, two of which are asked and hand over to the leader, which may crash once',
    bounds: { ...one, rounds: 1, crashes: 1, crashing: [0], handsOver: true },
    reaches: ['chosen', 'helping', 'catchUp', 'afterCrash', 'catchUpAfterCrash', 'handedOver'],
    counted: {
      states: 8867,
      depth: 23,
      ways: { chosen: 5, helping: 8, catchUp: 10, afterCrash: 6, catchUpAfterCrash: 11, handedOver: 8 },
    },
  },
]

/** A request for the lock `name`. By default each client requests its own lock. */
export function lock(client: string, servers: readonly NodeId[], name = client): PossibleRequest {
  return asked(client, { kind: 'service', body: lockCommand(name) }, servers)
}

function read(client: string, server: NodeId): PossibleRead {
  return { client, server, body: { action: 'query' } }
}

function unlock(client: string, servers: readonly NodeId[], name: string): PossibleRequest {
  return asked(client, { kind: 'service', body: unlockCommand(name) }, servers)
}

function asked(client: string, command: Command, servers: readonly NodeId[]): PossibleRequest {
  return { client, seq: 1, command, servers }
}

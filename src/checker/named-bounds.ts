/** Bounds with names: each is small enough to be searched whole, and there for something. */
import type { Command, NodeId } from '../../machines/batch.ts'
import { serverAddress } from '../schedule/names.ts'
import type { Bounds, PossibleRequest } from './bounds.ts'
import { joiningIncarnation } from './cluster.ts'
import type { WitnessName } from './witnesses.ts'

export interface NamedBounds {
  readonly name: string
  readonly about: string
  readonly bounds: Bounds
  readonly reaches: readonly WitnessName[]
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
}

const admission: Command = {
  kind: 'members',
  change: { action: 'admit', id: 2, address: serverAddress(2), incarnation: joiningIncarnation(2) },
}

const lostAdmission: Command = {
  kind: 'members',
  change: { action: 'admit', id: 2, address: serverAddress(2), incarnation: 'lost' },
}

/** A server joins two others; what admits it is `command`. */
const joined = (command: Command): Bounds => ({
  ...one,
  servers: 2,
  joining: 1,
  requests: [asked('m', command, [0]), lock('b', [0, 1])],
  instances: 2,
})

/** One of three servers is removed, and each proposes. */
const changed = (rounds: number): Bounds => ({
  ...one,
  requests: [asked('m', removal, [0]), lock('b', [1]), lock('c', [2])],
  rounds,
  instances: 2,
})

/** Server 1 is removed, and another directory admitted under its id: the old one runs on, and is not counted any more. */
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
    reaches: ['chosen', 'duel', 'helping', 'catchUp', 'afterCrash'],
  },
  {
    name: 'ballots',
    about: 'one instance, three servers, two proposers with three ballots each',
    bounds: { ...one, rounds: 3 },
    reaches: ['chosen', 'duel', 'helping', 'catchUp'],
  },
  {
    name: 'pair',
    about: 'two instances, two servers, each a proposer with three ballots, one crash anywhere',
    bounds: { ...one, servers: 2, rounds: 3, instances: 2, crashes: 1, crashing: [0, 1] },
    reaches: ['chosen', 'duel', 'helping', 'catchUp', 'afterCrash'],
  },
  {
    name: 'syncs',
    about:
      'one instance, three servers, two proposers with a ballot each, syncs that end at any time, a crash of one proposer',
    bounds: { ...one, rounds: 1, syncs: 'anyTime', crashes: 1, crashing: [0] },
    reaches: ['chosen', 'helping', 'afterCrash'],
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
  },
  {
    name: 'removal',
    about: 'two instances, three servers, two proposers with two ballots each, one of which is removed',
    bounds: { ...one, requests: [asked('m', removal, [0]), lock('b', [1])], instances: 2 },
    reaches: ['chosen', 'duel', 'helping', 'catchUp', 'newMembers', 'newQuorum'],
  },
  {
    name: 'admission',
    about: 'two instances, two servers and one that is admitted, two proposers with two ballots each',
    bounds: joined(admission),
    reaches: ['chosen', 'duel', 'helping', 'catchUp', 'newMembers', 'newQuorum'],
  },
  {
    name: 'change',
    about: 'two instances, three servers, each a proposer with a ballot, one of which is removed',
    bounds: changed(1),
    reaches: ['chosen', 'helping', 'catchUp', 'newMembers'],
  },
  {
    name: 'changes',
    about:
      'two instances, three servers, each a proposer with two ballots, one of which is removed; takes minutes and 3 GB',
    bounds: changed(2),
    reaches: ['chosen', 'duel', 'helping', 'catchUp', 'newMembers', 'newQuorum'],
  },
  {
    name: 'lost',
    about: 'two instances, two servers and one that is admitted under a directory that it has lost since',
    bounds: joined(lostAdmission),
    reaches: ['chosen', 'duel', 'helping', 'catchUp', 'newMembers', 'newQuorum'],
  },
  {
    name: 'replaced',
    about: 'three instances, two servers, one of which is removed and runs on with its old directory',
    bounds: replaced,
    reaches: ['chosen', 'catchUp', 'newMembers'],
  },
  {
    name: 'instances',
    about: 'two instances, three servers, two proposers with a ballot each, one crash anywhere',
    bounds: { ...one, rounds: 1, instances: 2, crashes: 1, crashing: [0, 1, 2] },
    reaches: ['chosen', 'helping', 'catchUp', 'afterCrash'],
  },
  {
    name: 'serial',
    about: 'two instances, three servers, two proposers with two ballots each',
    bounds: { ...one, instances: 2 },
    reaches: ['chosen', 'duel', 'helping', 'catchUp'],
  },
  {
    name: 'even',
    about: 'one instance, four servers, two proposers with two ballots each',
    bounds: { ...one, servers: 4 },
    reaches: ['chosen', 'duel', 'helping', 'catchUp'],
  },
  {
    name: 'proposers',
    about: 'one instance, three servers, each a proposer with two ballots',
    bounds: { ...one, requests: [lock('a', [0]), lock('b', [1]), lock('c', [2])] },
    reaches: ['chosen', 'duel', 'helping', 'catchUp'],
  },
]

/** A request for the lock `name`; without a name, for one that nobody else asks for. */
export function lock(client: string, servers: readonly NodeId[], name = client): PossibleRequest {
  return asked(client, { kind: 'service', body: { action: 'lock', name } }, servers)
}

function unlock(client: string, servers: readonly NodeId[], name: string): PossibleRequest {
  return asked(client, { kind: 'service', body: { action: 'unlock', name } }, servers)
}

function asked(client: string, command: Command, servers: readonly NodeId[]): PossibleRequest {
  return { client, seq: 1, command, servers }
}

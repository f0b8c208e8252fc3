/** Small bounds for tests of the checker. */
import type { Command, NodeId } from '../../machines/batch.ts'
import type { Bounds, PossibleRead, PossibleRequest } from '../../src/checker/bounds.ts'
import { lockCommand, unlockCommand } from '../../src/services/lock-commands.ts'

export function asked(
  client: string,
  command: Command,
  servers: readonly NodeId[],
  seq = 1,
): PossibleRequest {
  return { client, seq, command, servers }
}

export function onLock(action: 'lock' | 'unlock'): Command {
  return { kind: 'service', body: action === 'lock' ? lockCommand('x') : unlockCommand('x') }
}

export function read(client: string, server: NodeId): PossibleRead {
  return { client, server, body: { action: 'query' } }
}

/** Two servers, each asked for the lock by a client of its own, with a ballot each. */
export const smallest: Bounds = {
  servers: 2,
  joining: 0,
  requests: [asked('a', onLock('lock'), [0]), asked('b', onLock('lock'), [1])],
  rounds: 1,
  instances: 1,
  crashes: 0,
  crashing: [],
  syncs: 'atOnce',
  handsOver: false,
}

/** Three servers, of which two are proposers with two ballots each. */
export const three: Bounds = { ...smallest, servers: 3, rounds: 2 }

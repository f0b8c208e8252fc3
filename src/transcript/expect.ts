import { stateName } from '../core/chart-names.ts'
import { type ClusterState, clientOf, serverOf } from '../schedule/cluster.ts'
import type { Actor } from '../schedule/events.ts'
import { actorText } from './happening.ts'

/** Throws, with the present state, unless the role or the machine of the client is in the expected state. */
export function expectState(state: ClusterState, actor: Actor, expected: string): void {
  const found = currentState(state, actor)
  if (found !== expected) throw new Error(`${actorText(actor)} is ${found}, but should be ${expected}`)
}

function currentState(state: ClusterState, actor: Actor): string {
  if ('client' in actor) return stateName(clientOf(state, actor.client).snapshot.value)
  const { running } = serverOf(state, actor.server).node
  return running === null ? 'down' : stateName(running.roles[actor.role].value)
}

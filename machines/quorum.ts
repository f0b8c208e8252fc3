import type { NodeId } from './batch.ts'

/** Adds `server` to the servers that answered. A server that answers twice is counted once. */
export function withAnswer(answered: readonly NodeId[], server: NodeId): readonly NodeId[] {
  return answered.includes(server) ? answered : [...answered, server]
}

/** True when the distinct members among `answered` are more than half of `counted`; any two such sets share a member. */
export function isQuorum(counted: readonly NodeId[], answered: readonly NodeId[]): boolean {
  const votes = counted.filter((id) => answered.includes(id)).length
  return votes > counted.length / 2
}

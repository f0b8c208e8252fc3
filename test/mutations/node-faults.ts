import { type NodeRules, nodeRules } from '../../src/core/node-rules.ts'
import type { FaultyParts } from '../../src/stepped/settings.ts'
import type { Mutation } from './mutation.ts'

/** A fault in what a node does beside its roles, live or in steps. */
function faultyNode(name: string, faults: (parts: FaultyParts) => Partial<NodeRules>): Mutation {
  return {
    name,
    plant: (settings) => ({ ...settings, nodeRules: { ...nodeRules, ...faults(settings) } }),
  }
}

export const nodeFaults: readonly Mutation[] = [
  faultyNode('confuses the writes of the acceptor with those of the learner', () => ({
    eventAfterWrite: ({ by }) => (by === 'learner' ? { type: 'synced' } : null),
  })),
  faultyNode("takes the end of a learner's write for that of an acceptor's", () => ({
    eventAfterWrite: () => ({ type: 'synced' }),
  })),
  faultyNode('takes the founders for its members when it starts', ({ replicas }) => ({
    recoveredFrom: (identity, _, durable) => nodeRules.recoveredFrom(identity, replicas.initial(), durable),
  })),
  faultyNode('takes a late message of an earlier boot for proof of a copy', () => ({
    heardBoot: (...given) => {
      const heard = nodeRules.heardBoot(...given)
      return heard.verdict === 'late' ? { ...heard, verdict: 'exposed' } : heard
    },
  })),
  faultyNode('counts an older boot', () => ({
    heardBoot: (trust) => ({ trust, verdict: 'trusted' }),
  })),
  faultyNode('tells no role of new members', () => ({
    tasksAfterExecution: (execution, time) =>
      nodeRules.tasksAfterExecution(execution, time).filter(({ event }) => event.type !== 'members.changed'),
  })),
]

import { assign } from 'xstate'
import { auditorMachine } from '../../machines/auditor.ts'
import { type Audit, type AuditRules, auditRules } from '../../src/core/audit.ts'
import { faultyRole, type Mutation } from './mutation.ts'

/** A fault in what is folded, remembered or compared. */
function faultyAudit(name: string, faults: Partial<AuditRules>): Mutation {
  return { name, plant: (settings) => ({ ...settings, auditRules: { ...auditRules, ...faults } }) }
}

export const auditorFaults: readonly Mutation[] = [
  faultyAudit('compares no digests', { differs: () => false }),
  faultyAudit('votes for a server whose outcomes differ', { isDenied: () => false }),
  faultyAudit('answers clients while the servers compare', { isHeldBack: () => false }),
  faultyAudit('folds no results', {
    folded: (before, execution) => {
      const outcomes = execution.outcomes.map(({ uid, seq }) => ({
        ...{ uid, seq },
        outcome: { kind: 'refused', reason: 'stale' } as const,
      }))
      return auditRules.folded(before, { ...execution, outcomes })
    },
  }),
  faultyAudit('answers for its latest instance, whichever it is asked for', {
    digestsUpTo: (audit: Audit) => auditRules.digestsUpTo(audit, audit.recent.at(-1)?.instance ?? Number.NaN),
  }),
  faultyRole(
    'counts the digests of one server twice',
    'auditor',
    auditorMachine.provide({
      actions: {
        recordAnswer: assign(({ context }, { sender, digests }) => ({
          answers: [...context.answers, { node: sender, digests }],
        })),
      },
    }),
  ),
  faultyRole(
    'halts because a single server reports another digest',
    'auditor',
    auditorMachine.provide({
      guards: {
        quorumDiffers: ({ context: { answers } }) =>
          answers.some(({ digests }) => digests.at(-1) !== answers[0]?.digests.at(-1)),
      },
    }),
  ),
]

import type { Outcome } from '../../machines/outcome.ts'

/** The result of an executed request, and its position: (instance, index) only grows. */
export type ExecutedRequest = Omit<Extract<Outcome, { kind: 'executed' }>, 'kind'>

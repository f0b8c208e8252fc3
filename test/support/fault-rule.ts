import type { FaultRule } from '../../src/inspect/records/control.ts'

/** Drops every message from anybody to anybody: rules of tests say what of that is otherwise. */
export const dropAll: FaultRule = {
  from: 'any',
  to: 'any',
  message: 'any',
  action: 'drop',
  delayMs: 0,
  count: null,
}

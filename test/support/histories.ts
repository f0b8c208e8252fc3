/** Histories made by hand, in few words. */
import type { Json } from '../../machines/batch.ts'
import { lockCommand, unlockCommand } from '../../src/services/lock-commands.ts'
import type { Ending, Operation } from '../../src/verify/history.ts'
import { readCommand } from '../../src/verify/register-service.ts'

const tick = (order: number) => ({ order, timeMs: order })

/**
 * `uid` calls `command` at `called` and is told `result` at `answered`; it was executed at instance `at`. The seq is the
 * time of the call, unless it is given.
 */
export function op(
  uid: string,
  command: Json,
  [called, answered]: readonly [number, number],
  result: Json,
  at: number,
  seq = called,
): Operation {
  const position = { instance: at, index: 0 }
  return ended(uid, command, called, { kind: 'answered', at: tick(answered), result, position }, seq)
}

/** It has no answer; `at` is the instance at which it was executed, if it was and somebody knows. */
export function unanswered(uid: string, command: Json, called: number, at: number | null = null): Operation {
  const position = at === null ? null : { instance: at, index: 0 }
  return ended(uid, command, called, { kind: 'unknown', position })
}

/** It was cancelled, or refused. */
export function voided(uid: string, command: Json, called: number, answered: number): Operation {
  return ended(uid, command, called, { kind: 'void', at: tick(answered) })
}

function ended(uid: string, command: Json, called: number, ending: Ending, seq = called): Operation {
  return { uid, seq, command, called: tick(called), ending }
}

export const read = readCommand('x')
export const write = (value: Json): Json => ({ action: 'write', key: 'x', value })
export const cas = (expected: Json, value: Json): Json => ({
  action: 'compareAndSet',
  key: 'x',
  expected,
  value,
})
export const add = { action: 'add', key: 'x', amount: 1 }
export const count = { action: 'count', key: 'x' }
export const lock = lockCommand('x')
export const unlock = unlockCommand('x')

export const value = (value: Json): Json => ({ value })
export const written = { written: true }
export const set = (set: boolean): Json => ({ set })
export const counted = (count: number): Json => ({ count })
export const token = (token: number): Json => ({ token })
export const freed = (freed: boolean): Json => ({ freed })

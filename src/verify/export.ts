/** Histories in the formats of other checkers, which can judge them independently. */
import { ednRecord, Keyword } from './edn.ts'
import type { Operation, Tick } from './history.ts'
import { jepsenCall } from './jepsen-call.ts'
import { processesOf } from './processes.ts'

type JepsenType = 'invoke' | 'ok' | 'fail' | 'info'

/**
 * A Jepsen history: one EDN map a line, in order, with `:index`, `:time` (nanoseconds since the first call), `:process`,
 * `:type`, `:f` and `:value` (https://github.com/jepsen-io/history). An `:ok` operation took effect, a `:fail` did not, an `:info`
 * may have. The `:info` operations are at the end, since they got no answer.
 *
 * - Locks: `:f` is `:lock` or `:unlock`, and `:value` is the name. An `:ok` also carries `:token` or `:freed`.
 * - Registers: `:read`, `:write` and `:cas`. The `:value` is `[key value]`, as in `jepsen.independent`; for `:cas` it is
 *   `[key [expected value]]`. A `:cas` that did not find the expected value is a `:fail`.
 * - Counters: `:add` with the `:value` `[key amount]`, and `:count` with the `:value` `[key count]`. An `:ok` of `:add` also
 *   carries `:count`, the counter after the operation.
 *
 * Throws when a command belongs to another service.
 */
export function jepsenHistory(operations: readonly Operation[]): string {
  const processes = processesOf(operations)
  const { beginMs, endMs } = spanOf(operations)
  const events: { readonly at: Tick; readonly type: JepsenType; readonly operation: Operation }[] = []
  for (const operation of operations) {
    const { called, ending } = operation
    events.push({ at: called, type: 'invoke', operation })
    switch (ending.kind) {
      case 'answered': {
        const { isVoid = false } = jepsenCall(operation.command, ending.result)
        events.push({ at: ending.at, type: isVoid ? 'fail' : 'ok', operation })
        break
      }
      case 'void':
        events.push({ at: ending.at, type: 'fail', operation })
        break
      case 'unknown':
        events.push({ at: { order: Number.POSITIVE_INFINITY, timeMs: endMs }, type: 'info', operation })
        break
      default:
        ending satisfies never
    }
  }
  return lines(
    events.sort(byOrder).map(({ at, type, operation }, index) => {
      const { command, ending } = operation
      const isDone = type === 'ok' && ending.kind === 'answered'
      const { f, value, more } = jepsenCall(command, isDone ? ending.result : undefined)
      return ednRecord({
        index,
        time: Math.round((at.timeMs - beginMs) * 1e6),
        process: processes.get(operation) ?? 0,
        type: new Keyword(type),
        f: new Keyword(f),
        value,
        ...more,
      })
    }),
  )
}

/**
 * A history for Porcupine (https://github.com/anishathalye/porcupine). Porcupine has no file format, so this is one JSON object
 * a line with the fields of its `Operation`: `ClientId`, `Input`, `Call`, `Output`, `Return`. `Input` and `Output` are the
 * service's command and result. `Call` and `Return` are unique positions in the order of events. Porcupine expects each
 * operation to end and to take effect. So operations without effect are left out, and operations without an answer return
 * after all others with `Output: null`; for these a model must allow every result, and also that nothing was executed.
 */
export function porcupineHistory(operations: readonly Operation[]): string {
  const processes = processesOf(operations)
  const { endOrder } = spanOf(operations)
  return lines(
    operations.flatMap((operation) => {
      const { command, called, ending } = operation
      if (ending.kind === 'void') return []
      return JSON.stringify({
        ClientId: processes.get(operation) ?? 0,
        Input: command,
        Call: called.order,
        Output: ending.kind === 'answered' ? ending.result : null,
        Return: ending.kind === 'answered' ? ending.at.order : endOrder + 1,
      })
    }),
  )
}

/** The time from the first call to the last event. */
function spanOf(operations: readonly Operation[]): { beginMs: number; endMs: number; endOrder: number } {
  const span = { beginMs: operations[0]?.called.timeMs ?? 0, endMs: 0, endOrder: 0 }
  for (const { called, ending } of operations) {
    const last = ending.kind === 'unknown' ? called : ending.at
    span.beginMs = Math.min(span.beginMs, called.timeMs)
    span.endMs = Math.max(span.endMs, last.timeMs)
    span.endOrder = Math.max(span.endOrder, last.order)
  }
  return span
}

/** By the order of events; operations without an answer come last, by the order of their calls. */
function byOrder(a: { at: Tick; operation: Operation }, b: { at: Tick; operation: Operation }): number {
  if (a.at.order !== b.at.order) return a.at.order - b.at.order
  return a.operation.called.order - b.operation.called.order
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('')
}

/** The answers of a request queue to clients, grouped: one message for each session and address. */
import type { Address } from './batch.ts'
import { emptyRecord } from './empty-record.ts'
import type { Due } from './held-execution.ts'
import type { HeldRequest } from './held-requests.ts'
import type { AnyAnswer, Busy, Response } from './messages.ts'
import type { Respond } from './outputs.ts'

/** The outcomes of requests of the session `uid`, or of the reads of a client. */
export function response(to: Address, uid: string, answers: readonly AnyAnswer[]): Respond {
  return { type: 'respond', to, message: { type: 'response', uid, answers } satisfies Response }
}

/** The refusal of requests of the session `uid`. */
export function busy(to: Address, uid: string, seqs: readonly number[], reason: Busy['reason']): Respond {
  return { type: 'respond', to, message: { type: 'busy', uid, seqs, reason } }
}

/** The answers that are due. The clients of delayed requests should ask again after `askAgainMs`; `null`: after their own interval. */
export function answersOf(due: readonly Due[], askAgainMs: number | null): Respond[] {
  return [
    ...bySession(due.filter((one) => one.kind === 'response')).map(([to, uid, responses]) =>
      response(
        to,
        uid,
        responses.map(({ request, outcome }) => ({ seq: request.seq, outcome })),
      ),
    ),
    ...queuedOf(
      due.flatMap((one) => (one.kind === 'queued' ? one.request : [])),
      askAgainMs,
    ),
    ...refusalsOf(
      due.flatMap((one) => (one.kind === 'handedBack' ? one.request : [])),
      'busy',
    ),
  ]
}

/** The reports that `requests` are delayed. */
export function queuedOf(requests: readonly HeldRequest[], askAgainMs: number | null): Respond[] {
  return bySession(requests.map((request) => ({ request }))).map(([to, uid, group]) => {
    const seqs = group.map(({ request }) => request.seq)
    return {
      type: 'respond',
      to,
      message: { type: 'queued', uid, seqs, ...(askAgainMs !== null && { askAgainMs }) },
    }
  })
}

/** The refusals of `requests`. */
export function refusalsOf(requests: readonly HeldRequest[], reason: Busy['reason']): Respond[] {
  return bySession(requests.map((request) => ({ request }))).map(([to, uid, group]) =>
    busy(
      to,
      uid,
      group.map(({ request }) => request.seq),
      reason,
    ),
  )
}

/** Groups by address and session, in the order of the first of each. Requests that another server holds get no answer. */
function bySession<T extends { readonly request: HeldRequest }>(
  all: readonly T[],
): (readonly [to: Address, uid: string, group: T[]])[] {
  const groups: (readonly [Address, string, T[]])[] = []
  const byName = emptyRecord<readonly [Address, string, T[]]>()
  let last: readonly [Address, string, T[]] | undefined
  for (const one of all) {
    const { uid, replyTo } = one.request
    if (replyTo === null) continue
    if (last === undefined || last[1] !== uid || last[0] !== replyTo) {
      const key = `${replyTo} ${uid}`
      last = byName[key]
      if (last === undefined) {
        last = [replyTo, uid, []]
        byName[key] = last
        groups.push(last)
      }
    }
    last[2].push(one)
  }
  return groups
}

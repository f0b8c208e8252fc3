/** The ends of sessions, as operations of the model of locks. */
import type { Operation, SessionEnd } from './history.ts'

/** The operations, and for each lock that a session took before it ended, an operation that frees it if it is still held. */
export function withSessionEnds(
  operations: readonly Operation[],
  ends: readonly SessionEnd[],
): readonly Operation[] {
  const freeing = ends.flatMap((end) =>
    operations.filter(({ uid }) => uid === end.uid).flatMap((operation) => freedBy(end, operation)),
  )
  // Sessions end before the requests of the batch, in order.
  const placed = freeing.map(({ instance, to: at, ...operation }, place): Operation => {
    const position = { instance, index: place - freeing.length }
    return { ...operation, ending: { kind: 'answered', at, result: null, position } }
  })
  return [...operations, ...placed].sort((a, b) => a.called.order - b.called.order)
}

type Freeing = Omit<Operation, 'ending'> & Pick<SessionEnd, 'instance' | 'to'>

function freedBy(end: SessionEnd, { uid, seq, command, ending }: Operation): Freeing[] {
  const { action, name } = command as { readonly action: string; readonly name?: string }
  const isExecuted = ending.kind === 'answered' || (ending.kind === 'unknown' && ending.position !== null)
  if (action !== 'lock' || name === undefined || !isExecuted) return []
  // When the client that took the lock does not know its token, no client does, and no other command frees that hold.
  const token = ending.kind === 'answered' ? (ending.result as { readonly token?: number }).token : null
  if (token === undefined) return []
  const { instance, from: called, to } = end
  return [{ uid: `the end of ${uid}`, seq, command: { action: 'end', name, token }, called, instance, to }]
}

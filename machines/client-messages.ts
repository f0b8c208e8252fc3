/** The messages with which a client asks. */
import type { ClientContext, ClientEmitted } from './client-context.ts'
import type { ReadMessage, RequestMessage } from './messages.ts'
import { ackedBelow, type OpenRequest, type SessionRequests } from './session-requests.ts'

/** The most requests of one message, and the most bytes of their commands. A longer command has a message of its own. */
const mostRequests = 512
const mostBytes = 48_000

/** The message that asks for reads, in place of one that asks for requests. The client carries both in the same way. */
export function asRead({ uid, requests }: RequestMessage, stale: boolean): ReadMessage {
  const reads = requests.flatMap(({ seq, command }) =>
    command.kind === 'service' ? { seq, body: command.body } : [],
  )
  return { type: 'read', uid, reads, stale }
}

/** The messages that ask the present server for the `asked` ones of `requests`. */
export function messagesFor(
  { uid, server, avoid }: ClientContext,
  requests: SessionRequests,
  asked: readonly OpenRequest[],
): readonly ClientEmitted[] {
  const below = ackedBelow(requests)
  return parts(asked).map((part) => ({
    type: 'send',
    to: server,
    avoid,
    message: {
      type: 'request',
      uid,
      ackedBelow: below,
      requests: part.map(({ seq, command }) => ({ seq, command })),
    },
  }))
}

function parts(asked: readonly OpenRequest[]): readonly (readonly OpenRequest[])[] {
  const all: OpenRequest[][] = []
  let part: OpenRequest[] = []
  let bytes = 0
  for (const request of asked) {
    bytes += request.commandBytes
    if (part.length === 0 || part.length === mostRequests || bytes > mostBytes) {
      part = []
      all.push(part)
      bytes = request.commandBytes
    }
    part.push(request)
  }
  return all
}

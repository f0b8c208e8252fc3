/** Checks of the invariants that `client-context.ts` states. */
import type { ClientContext } from './client-context.ts'
import type { Invariants } from './invariant.ts'

export const clientInvariants: Invariants<ClientContext> = {
  request: ({ context: { request }, before, event }) =>
    request !== null &&
    before !== null &&
    request !== before.context.request &&
    event.type !== 'request.submitted'
      ? 'it asks for a request that was not submitted'
      : null,
  servers: ({ context: { request, servers } }) =>
    request !== null && servers < 1 ? 'it asks, and there is no server to ask' : null,
  server: ({ context: { request, server, servers } }) =>
    request !== null && server >= servers ? `it asks server ${server} of ${servers}` : null,
}

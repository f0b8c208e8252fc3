import { type ClientContext, type ClientEvent, clientMachine } from '../../../machines/client.ts'
import { defaultClientTiming } from '../../../machines/client-timing.ts'
import { request } from '../../support/role.ts'
import type { Chart } from './chart.ts'

const servers = 2

/** Answers to this request and to another, of the server that is asked and of the other. */
function happenings({ server }: ClientContext): ClientEvent[] {
  const names = [1, 2].map((seq) => ({ uid: 'a', seq }))
  const answers = names.flatMap((name) =>
    [server, (server + 1) % servers].flatMap((server): ClientEvent[] => [
      { type: 'response', ...name, outcome: { kind: 'refused', reason: 'stale' }, server },
      { type: 'queued', ...name, server },
      ...(['busy', 'notMember', 'stopping'] as const).map(
        (reason) => ({ type: 'busy', ...name, reason, server }) as const,
      ),
    ]),
  )
  return [
    { type: 'request.submitted', request: request('a', 1), server: 0, servers },
    ...answers,
    { type: 'give.up' },
  ]
}

/** A client of two servers, and all that may happen to it. */
export const clientChart: Chart = {
  name: 'client',
  machine: clientMachine,
  input: { timing: defaultClientTiming, randomSeed: 1 },
  happenings: ({ context }) => happenings(context),
  situation: ({ context: { request, server, tries, refusals, turnedAway } }) => ({
    isAsking: request !== null,
    server,
    hasTriedAgain: tries > 0,
    wasRefused: refusals > 0,
    turnedAway,
  }),
}

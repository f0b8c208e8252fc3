import { type ClientContext, type ClientEvent, clientMachine } from '../../../machines/client.ts'
import { defaultClientTiming } from '../../../machines/client-timing.ts'
import { service } from '../../support/role.ts'
import type { Chart } from './chart.ts'

const servers = 2
const reaskIntervalMs = 150

/** Few requests, of which two do not fit into the window together. */
const mostRequests = 3
const commandBytes = 40_000

/**
 * New requests; messages about the first and the last request and about one that was never submitted, of the server that is asked
 * and of the other, in time and late.
 */
function happenings({ requests, server, nowMs }: ClientContext): ClientEvent[] {
  const { open, backlog, nextSeq } = requests
  const all = [...open, ...backlog]
  const seqs = [...new Set([all[0]?.seq, all.at(-1)?.seq, nextSeq])].flatMap((seq) =>
    seq === undefined ? [] : [seq],
  )
  const atMs = nowMs
  const answers = seqs.flatMap((seq) =>
    [server, (server + 1) % servers].flatMap((server): ClientEvent[] => [
      {
        type: 'response',
        uid: 'a',
        answers: [{ seq, outcome: { kind: 'refused', reason: 'stale' } }],
        server,
        atMs,
      },
      { type: 'queued', uid: 'a', seqs: [seq], server, atMs },
      ...(['busy', 'notMember', 'stopping', 'noSpace'] as const).map(
        (reason) => ({ type: 'busy', uid: 'a', seqs: [seq], reason, server, atMs }) as const,
      ),
    ]),
  )
  const submitted = { seq: nextSeq, command: service('x'), commandBytes }
  const submissions = [0, reaskIntervalMs].map((lateMs) => ({
    type: 'request.submitted' as const,
    requests: [submitted],
    servers,
    atMs: atMs + lateMs,
  }))
  return [
    ...(all.length < mostRequests ? submissions : []),
    ...answers,
    ...seqs.map((seq) => ({ type: 'give.up' as const, seqs: [seq] })),
  ]
}

/** A client of two servers, and all that may happen to it. */
export const clientChart: Chart = {
  name: 'client',
  machine: clientMachine,
  input: {
    timing: {
      ...defaultClientTiming,
      failoverTimeoutMs: 200,
      reaskIntervalMs,
      waitTimeoutMs: 2 * reaskIntervalMs,
    },
    randomSeed: 1,
    uid: 'a',
    server: 0,
    firstSeq: 1,
  },
  happenings: ({ context }) => happenings(context),
  situation: ({ context }) => situation(context),
}

function situation(context: ClientContext) {
  const { requests, server, nowMs, tries, wasAnswered, refusals, turnedAway } = context
  return {
    open: requests.open.map(({ reaskAtMs, reasks }) =>
      reaskAtMs === null ? null : [reasks, nowMs >= reaskAtMs],
    ),
    backlog: requests.backlog.length,
    server,
    isSilent: wasAnswered ? null : Math.min(tries, 3),
    wasRefused: refusals > 0,
    turnedAway,
  }
}

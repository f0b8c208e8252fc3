import type { Address, Json } from '../../machines/batch.ts'
import { connect } from '../client/index.ts'
import { noServerAnswers, type Patience } from './ask.ts'
import { type Report, readFoundingReport, readReport } from './report.ts'

/** What a server said of itself; `report` is null when it cannot be read, both are when it did not answer. */
export interface Answer {
  readonly server: Address
  readonly status: Json
  readonly report: Report | null
}

/** How long a server has to answer when others did, in milliseconds. */
const answerMs = 1_000

/** How long members have to answer that are asked when no time is left, in milliseconds. */
const leastAnswerMs = 500

/**
 * What `servers`, and the members that they name, say of themselves. While none answers they are asked again: throws a
 * `Failure` after `timeout`.
 */
export async function inquire({ servers, timeout = answerMs }: Patience): Promise<Answer[]> {
  const deadlineMs = performance.now() + timeout
  let answers: Answer[] = []
  while (!answers.some(hasAnswered)) {
    const leftMs = deadlineMs - performance.now()
    if (leftMs <= 0) throw noServerAnswers(servers, `after ${timeout / 1000} s`)
    answers = await inquireOnce(servers, Math.min(answerMs, leftMs))
  }
  const others = unknownMembers(answers)
  if (others.length === 0) return answers
  const leftMs = Math.max(leastAnswerMs, deadlineMs - performance.now())
  return [...answers, ...(await inquireOnce(others, Math.min(answerMs, leftMs)))]
}

export function hasAnswered({ status }: Answer): boolean {
  return status !== null
}

/** Addresses of members that were not asked: of a server that the user named otherwise, its answer tells who it is. */
function unknownMembers(answers: readonly Answer[]): Address[] {
  const shown = answers.map(({ server, status, report }) => ({
    server,
    report: report ?? readFoundingReport(status),
  }))
  const asked = new Set(shown.flatMap(({ server, report }) => [server, report?.address ?? server]))
  const named = shown.flatMap(({ report }) => report?.members ?? []).map(({ address }) => address)
  return [...new Set(named)].filter((address) => !asked.has(address))
}

/** What each of `servers` says of itself within that time, each asked once. */
export async function inquireOnce(servers: readonly Address[], statusTimeoutMs: number): Promise<Answer[]> {
  const client = connect({ servers, timing: { statusTimeoutMs } })
  try {
    return (await client.status()).map((answer) => {
      const status = 'status' in answer ? answer.status : null
      return { server: answer.server, status, report: readReport(status) }
    })
  } finally {
    await client.close()
  }
}

import type { Address, Json } from '../../machines/batch.ts'
import { connect } from '../client/index.ts'
import { visible } from '../core/visible.ts'
import { canonicalAddress, isReachable, whyNotReachable } from '../network/address.ts'
import { whyUnresolved } from '../network/resolver.ts'
import { noServerAnswers, type Patience } from './ask.ts'
import { readFoundingReport, readReport, type StatusReport } from './status-report.ts'

/** What a server said of itself; `report` is null when it cannot be read, both are when it did not answer. */
export interface Answer {
  readonly server: Address
  readonly status: Json
  readonly report: StatusReport | null
  /** Why it could not be asked: nobody can send to what another server says that its address is, or its name is of nobody. */
  readonly fault?: string
}

/** How long a server has to answer when others did, in milliseconds. */
const answerMs = 1_000

/** Members that are asked beside the servers given: a server that lies must not have this program send to thousands. */
const mostOthers = 100

/** How long members have to answer that are asked when no time is left, in milliseconds. */
const leastAnswerMs = 500

/**
 * What `servers`, and the members that they name, say of themselves. While none answers they are asked again: throws a
 * `Failure` after `timeout`.
 */
export async function inquire({ servers, timeout = answerMs }: Patience): Promise<Answer[]> {
  const deadlineMs = performance.now() + timeout
  let answers: Answer[] = []
  // A datagram that is lost, and a server that is not there yet, cause no event: they are asked again.
  while (!answers.some(hasAnswered)) {
    const leftMs = deadlineMs - performance.now()
    if (leftMs <= 0) throw noServerAnswers(servers, `after ${timeout / 1000} s`)
    answers = await inquireOnce(servers, Math.min(answerMs, leftMs))
  }
  const { others, faulty } = unknownMembers(answers)
  if (others.length === 0) return [...answers, ...faulty]
  const leftMs = Math.max(leastAnswerMs, deadlineMs - performance.now())
  return [...answers, ...(await inquireOnce(others, Math.min(answerMs, leftMs))), ...faulty]
}

export function hasAnswered({ status }: Answer): boolean {
  return status !== null
}

interface UnknownMembers {
  readonly others: readonly Address[]
  /** Those that cannot be asked. */
  readonly faulty: readonly Answer[]
}

/** Members that were not asked: of a server that the user named otherwise, its answer tells where it is. */
export function unknownMembers(answers: readonly Answer[]): UnknownMembers {
  const shown = answers.map(({ server, status, report }) => ({
    server,
    report: report ?? readFoundingReport(status),
  }))
  const seen = new Set(
    shown.flatMap(({ server, report }) => [server, canonicalOrSame(report?.address ?? server)]),
  )
  const others: Address[] = []
  const faulty: Answer[] = []
  for (const report of shown.flatMap((answer) => answer.report ?? [])) {
    for (const { id, address } of report.members) {
      const canonical = canonicalOrSame(address)
      if (seen.has(canonical) || others.length + faulty.length === mostOthers) continue
      seen.add(canonical)
      const why = whyNotReachable(address)
      if (why === null) others.push(canonical)
      else {
        const fault = `server ${report.id} has server ${id} there: ${why}`
        faulty.push({ server: visible(address), status: null, report: null, fault: visible(fault) })
      }
    }
  }
  return { others, faulty }
}

/** What a server says is an address may be none. */
function canonicalOrSame(address: string): string {
  return isReachable(address) ? canonicalAddress(address) : address
}

/** What each of `servers` says of itself within that time, each asked once. */
export async function inquireOnce(servers: readonly Address[], statusTimeoutMs: number): Promise<Answer[]> {
  const client = connect({ servers, timing: { statusTimeoutMs } })
  try {
    return (await client.status()).map((answer) => {
      const { server } = answer
      if ('status' in answer) return { server, status: answer.status, report: readReport(answer.status) }
      const fault = whyUnresolved(server)
      return { server, status: null, report: null, ...(fault !== null && { fault }) }
    })
  } finally {
    await client.close()
  }
}

import type { Address, Json } from '../../machines/batch.ts'
import { connect } from '../client/index.ts'
import { visible } from '../core/visible.ts'
import { canonicalAddress, isReachable, whyNotReachable } from '../network/address.ts'
import { whyUnresolved } from '../network/resolver.ts'
import { noServerAnswers, type Patience } from './ask.ts'
import { readFoundingReport, readReport, type StatusReport } from './status-report.ts'

/** The status of a server. `report` is `null` when it cannot be parsed; both are `null` when the server did not answer. */
export interface Answer {
  readonly server: Address
  readonly status: Json
  readonly report: StatusReport | null
  /** Why it could not be asked: the address that another server gave is invalid, or the host name does not resolve. */
  readonly fault?: string
}

/** The time that a server has to answer, in milliseconds. */
const answerMs = 1_000

/**
 * The most members that are asked in addition to the given servers: a faulty server must not make this program send to thousands
 * of addresses.
 */
const mostOthers = 100

/** The shortest time that those members have to answer, in milliseconds, even after the deadline. */
const leastAnswerMs = 500

/**
 * The statuses of `servers` and of the members that they name. Asks again until at least one server answers; throws a `Failure`
 * after `timeout`.
 */
export async function inquire({ servers, timeout = answerMs }: Patience): Promise<Answer[]> {
  const deadlineMs = performance.now() + timeout
  let answers: Answer[] = []
  // A lost datagram, and a server that has not started, cause no event, so ask again.
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
  /** Members whose address is invalid. */
  readonly faulty: readonly Answer[]
}

/** The members that were not asked. A server may be known to the user by another name; its answer contains its address. */
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

/** An address from a server may be invalid. */
function canonicalOrSame(address: string): string {
  return isReachable(address) ? canonicalAddress(address) : address
}

/** Asks each of `servers` once and returns the statuses that arrive within that time. */
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

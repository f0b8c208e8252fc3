/** Who answers of the servers that were asked how they are: for somebody who waits, and is to know why. */
import type { Json } from '../../machines/batch.ts'
import { isQuorum } from '../../machines/quorum.ts'
import { foundingText, mostKnowing, readFoundingReport, readReport } from './status-report.ts'

export type Answering =
  /** No server does. */
  | { readonly kind: 'none' }
  /** Enough for requests to be executed, as far as can be seen. */
  | { readonly kind: 'enough'; readonly text: string }
  /** Some, and `text` says what is missing. */
  | { readonly kind: 'tooFew'; readonly text: string }

/**
 * What the statuses show, `null` for a server that is silent. Servers that are no members do not count, whether they answer or
 * not; the members are those that the server with the latest ones knows.
 */
export function answeringIn(statuses: readonly (Json | null)[]): Answering {
  const answers = statuses.filter((status) => status !== null)
  if (answers.length === 0) return { kind: 'none' }
  const reports = answers.flatMap((status) => readReport(status) ?? [])
  const most = mostKnowing(reports)
  if (most === undefined) {
    const [founding] = answers.flatMap((status) => readFoundingReport(status) ?? [])
    if (founding !== undefined) return { kind: 'tooFew', text: foundingText(founding) }
    const words = `${answers.length} of ${statuses.length} servers answer, in words of another version of paxos`
    return { kind: 'enough', text: words }
  }
  const members = most.members.filter(({ counted }) => counted).map(({ id }) => id)
  const answering = members.filter((member) => reports.some(({ id }) => id === member))
  const text = `${answering.length} of ${members.length} members answer`
  return isQuorum(members, answering)
    ? { kind: 'enough', text }
    : { kind: 'tooFew', text: `${text}, and a majority is needed` }
}

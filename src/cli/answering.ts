/** Counts the servers that answer a status question, for a user who waits and needs the reason. */
import type { Json } from '../../machines/batch.ts'
import { isQuorum } from '../../machines/quorum.ts'
import { foundingText, mostKnowing, readFoundingReport, readReport } from './status-report.ts'

export type Answering =
  /** No server answers. */
  | { readonly kind: 'none' }
  /** Apparently enough servers answer to execute requests. */
  | { readonly kind: 'enough'; readonly text: string }
  /** Too few servers answer; `text` says what is missing. */
  | { readonly kind: 'tooFew'; readonly text: string }

/**
 * Evaluates the statuses; `null` stands for a server that does not answer. Only members count. The members are those that the
 * server with the latest state knows.
 */
export function answeringIn(statuses: readonly (Json | null)[]): Answering {
  const answers = statuses.filter((status) => status !== null)
  if (answers.length === 0) return { kind: 'none' }
  const reports = answers.flatMap((status) => readReport(status) ?? [])
  const most = mostKnowing(reports)
  if (most === undefined) {
    const [founding] = answers.flatMap((status) => readFoundingReport(status) ?? [])
    if (founding !== undefined) return { kind: 'tooFew', text: foundingText(founding) }
    const words = `${answers.length} of ${statuses.length} servers answer, but with another version of paxos`
    return { kind: 'enough', text: words }
  }
  const members = most.members.filter(({ counted }) => counted).map(({ id }) => id)
  const answering = members.filter((member) => reports.some(({ id }) => id === member))
  const low = reports.filter(({ disk = null }) => disk?.isLow === true).map(({ id }) => id)
  const space = low.length === 0 ? '' : `; the disk of server ${low.join(', ')} has little room left`
  const text = `${answering.length} of ${members.length} members answer${space}`
  return isQuorum(members, answering)
    ? { kind: 'enough', text }
    : { kind: 'tooFew', text: `${text}, and a majority is needed` }
}

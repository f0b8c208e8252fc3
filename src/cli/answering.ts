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
  const withdrawn = answering.filter((member) =>
    reports.some(({ id, withdrawn = null }) => id === member && withdrawn !== null),
  )
  const low = reports.filter(({ disk = null }) => disk?.isLow === true).map(({ id }) => id)
  const space = low.length === 0 ? '' : `; the disk of server ${low.join(', ')} has little room left`
  const gone = withdrawn.length === 0 ? '' : `, of which server ${withdrawn.join(', ')} has withdrawn`
  const text = `${answering.length} of ${members.length} members answer${gone}${space}`
  const voting = answering.filter((member) => !withdrawn.includes(member))
  if (!isQuorum(members, voting)) return { kind: 'tooFew', text: `${text}, and a majority is needed` }
  // A server with little room takes no requests, though it votes.
  return voting.every((member) => low.includes(member)) ? { kind: 'tooFew', text } : { kind: 'enough', text }
}

/** The servers that can run a version of the service, as they report it themselves. */
import type { Address, Json, NodeId } from '../../machines/batch.ts'
import type { ServerStatus } from './client.ts'
import { UpgradeRefused } from './errors.ts'

/** What `Client.upgrade` asks the cluster for. */
export interface UpgradePlan {
  readonly version: number
  readonly supportedBy: readonly NodeId[]
}

interface Report {
  readonly id: NodeId
  readonly firstUnchosen: number
  readonly members: readonly { readonly id: NodeId; readonly address: Address; readonly counted: boolean }[]
  readonly oldest: number
  readonly newest: number
}

/**
 * The upgrade to `version`, by default to the latest version that all counted members have. Throws `UpgradeRefused` with the servers that
 * are silent, or whose programs do not have the version.
 */
export function planOf(statuses: readonly ServerStatus[], version?: number): UpgradePlan {
  const reports = statuses.flatMap((answer) => ('status' in answer ? (reportIn(answer.status) ?? []) : []))
  const latest = reports.reduce<Report | null>(
    (best, report) => (best === null || report.firstUnchosen > best.firstUnchosen ? report : best),
    null,
  )
  if (latest === null) throw new UpgradeRefused(['no server reports the versions of its service'])
  const counted = latest.members
    .filter((member) => member.counted)
    .map(({ id, address }) => ({ id, address, report: reports.find((report) => report.id === id) ?? null }))
  const wanted = version ?? Math.min(...counted.flatMap(({ report }) => report?.newest ?? []))
  const answering = statuses.map((answer) => ('status' in answer ? idIn(answer.status) : null))
  const reasons = counted.flatMap(({ id, address, report }) => {
    if (report === null) {
      return [
        answering.includes(id)
          ? `server ${id} does not report the versions of its service`
          : `server ${id} does not answer at ${address}: start it, or remove it if it is lost (paxos members remove ${id})`,
      ]
    }
    const { oldest, newest } = report
    return wanted >= oldest && wanted <= newest
      ? []
      : [`server ${id} has ${rangeText(oldest, newest)}, not ${wanted}`]
  })
  if (reasons.length > 0) throw new UpgradeRefused(reasons)
  return { version: wanted, supportedBy: counted.map(({ id }) => id) }
}

function rangeText(oldest: number, newest: number): string {
  return oldest === newest ? `version ${newest}` : `versions ${oldest} to ${newest}`
}

/** The id of the server that sent the status, also of one of another version. */
function idIn(status: Json): unknown {
  return (Object(status) as { readonly id?: unknown }).id
}

function reportIn(status: Json): Report | null {
  const { id, firstUnchosen, members, service } = Object(status) as { readonly [field: string]: unknown }
  const { oldest, newest } = Object(service) as { readonly [field: string]: unknown }
  const areNumbers = [id, firstUnchosen, oldest, newest].every((value) => typeof value === 'number')
  return areNumbers && Array.isArray(members)
    ? ({ id, firstUnchosen, members, oldest, newest } as Report)
    : null
}

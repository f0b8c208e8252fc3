/** The servers that can run a version of the service, as they report it themselves. */
import type { Json, NodeId } from '../../machines/batch.ts'
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
  readonly members: readonly { readonly id: NodeId; readonly counted: boolean }[]
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
  const members = latest.members.filter(({ counted }) => counted).map(({ id }) => id)
  const counted = members.map((id) => ({ id, report: reports.find((report) => report.id === id) ?? null }))
  const wanted = version ?? Math.min(...counted.flatMap(({ report }) => report?.newest ?? []))
  const reasons = counted.flatMap(({ id, report }) => {
    if (report === null) return [`server ${id} does not report the versions of its service`]
    const { oldest, newest } = report
    return wanted >= oldest && wanted <= newest
      ? []
      : [`server ${id} has ${rangeText(oldest, newest)}, not ${wanted}`]
  })
  if (reasons.length > 0) throw new UpgradeRefused(reasons)
  return { version: wanted, supportedBy: members }
}

function rangeText(oldest: number, newest: number): string {
  return oldest === newest ? `version ${newest}` : `versions ${oldest} to ${newest}`
}

function reportIn(status: Json): Report | null {
  const { id, firstUnchosen, members, service } = Object(status) as { readonly [field: string]: unknown }
  const { oldest, newest } = Object(service) as { readonly [field: string]: unknown }
  const areNumbers = [id, firstUnchosen, oldest, newest].every((value) => typeof value === 'number')
  return areNumbers && Array.isArray(members)
    ? ({ id, firstUnchosen, members, oldest, newest } as Report)
    : null
}

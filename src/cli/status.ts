import type { Command } from 'commander'
import type { Json } from '../../machines/batch.ts'
import { visible } from '../core/visible.ts'
import { ending, type Patience } from './ask.ts'
import { exitCodes } from './exit-codes.ts'
import { type Answer, hasAnswered, inquire } from './inquire.ts'
import { defaultTimeoutMs, jsonOption, serversOption, timeoutOption } from './options.ts'
import { complain, formatTable, print, printJson } from './output.ts'
import { severalClusters } from './several-clusters.ts'
import { formatSize } from './sizes.ts'
import { readFoundingReport, type StatusReport } from './status-report.ts'

export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .description('show the state of each server: roles, ballot, first unchosen instance, queue and members')
    .addOption(serversOption())
    .addOption(timeoutOption(defaultTimeoutMs))
    .addOption(jsonOption())
    .action(ending(status))
}

async function status({ json, ...patience }: Patience & { readonly json?: boolean }): Promise<void> {
  const answers = await inquire(patience)
  const warning = clusterWarning(answers)
  if (warning !== null || !answers.every(hasAnswered)) process.exitCode = exitCodes.someDoNotAnswer
  // The table has the warning of its own.
  if (json && warning !== null) complain(warning)
  if (json) printJson({ servers: answers.map(asJson) })
  else print(formatStatus(answers, warning))
}

function asJson({ server, status, fault = 'no answer' }: Answer): object {
  return status === null ? { server, error: fault } : { server, status }
}

export const headings = [
  'SERVER',
  'ADDRESS',
  'STATE',
  'ACCEPTOR',
  'PROPOSER',
  'LEARNER',
  'QUEUE',
  'BALLOT',
  'UNCHOSEN',
  'SNAPSHOT',
  'HELD',
  'DELAYED',
  'SESSIONS',
  'DEADLINE',
]

/** The answers as a table, followed by the members as the servers know them, and the usage of bounded resources. */
export function formatStatus(
  answers: readonly Answer[],
  warning: string | null = clusterWarning(answers),
): string {
  const reports = answers.flatMap(({ report }) => report ?? [])
  const obstacles = answers.flatMap(({ status }) => {
    const founding = readFoundingReport(status)
    return founding?.obstacles.map((obstacle) => visible(`server ${founding.id}: ${obstacle}`)) ?? []
  })
  return [
    formatTable(headings, answers.map(rowOf)),
    '',
    ...formatViews(reports),
    ...(warning === null ? [] : [warning]),
    ...obstacles,
    ...formatDisputes(reports),
    ...reports.flatMap(formatSpace),
    ...formatVersions(reports),
    ...reports.flatMap(formatDistrusted),
    ...reports.flatMap(formatWithdrawn),
    ...formatUsage(reports),
  ].join('\n')
}

function clusterWarning(answers: readonly Answer[]): string | null {
  const warning = severalClusters(
    answers.flatMap(({ server, report }) =>
      report === null ? [] : [{ server: `server ${report.id} at ${server}`, cluster: report.cluster }],
    ),
  )
  return warning === null ? null : visible(`warning: ${warning}`)
}

function rowOf({ server, status, report, fault = 'no answer' }: Answer): string[] {
  if (status === null) return ['-', server, fault]
  const founding = readFoundingReport(status)
  if (founding !== null) {
    const { id, address, waitsFor } = founding
    return [String(id), address, `founding, waits for server ${waitsFor.join(', ')}`]
  }
  if (report === null) return [readableId(status), server, 'answers with another version of paxos']
  const { acceptor, proposer, learner, requestQueue } = report.roles
  return [
    String(report.id),
    report.address,
    report.counted ? report.state : `${report.state}, not counted`,
    acceptor,
    proposer,
    learner,
    requestQueue,
    report.ballot === null ? '-' : `${report.ballot.round}.${report.ballot.node}`,
    String(report.firstUnchosen),
    String(report.snapshot?.held?.instance ?? '-'),
    String(report.queue.length),
    String(report.queue.delayed),
    String(report.sessions),
    report.deadlineMs === null ? '-' : `${(report.deadlineMs - report.clockMs) / 1_000} s`,
  ]
}

/** The id in a status that cannot be parsed as a whole. */
function readableId(status: Json): string {
  const { id } = Object(status)
  return Number.isSafeInteger(id) ? String(id) : '-'
}

/** A line for each member that the server does not count. */
function formatDistrusted({ id, distrusted = [] }: StatusReport): string[] {
  return distrusted.map((member) =>
    visible(
      `server ${id} does not count server ${member.id}: ${member.reason}. Stop server ${member.id}, remove it, and let it join with an empty directory`,
    ),
  )
}

/** A line for a server that others have exposed. */
function formatWithdrawn({ id, withdrawn = null }: StatusReport): string[] {
  return withdrawn === null ? [] : [visible(`server ${id} sends nothing more: ${withdrawn}`)]
}

/** A row for each bounded resource and a column for each server. The limit has its own column when all servers have the same limit. */
function formatUsage(reports: readonly StatusReport[]): string[] {
  const names = [...new Set(reports.flatMap(({ usage = {} }) => Object.keys(usage)))]
  if (names.length === 0) return []
  const rows = names.map((name) => {
    const usages = reports.map(({ usage = {} }) => usage[name])
    const limits = [...new Set(usages.flatMap((usage) => usage?.allowed ?? []))]
    const cells = usages.map((usage) => {
      if (usage === undefined) return '-'
      return limits.length === 1 ? String(usage.used) : `${usage.used}/${usage.allowed}`
    })
    return [inWords(name), ...cells, limits.length === 1 ? String(limits[0]) : '']
  })
  return ['', formatTable(['USED', ...reports.map(({ id }) => `SERVER ${id}`), 'ALLOWED'], rows)]
}

/** `resultBytes` as `result bytes`. */
function inWords(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

/** A line for each version of the service that is in force, as the servers know it, and the versions of their programs: none for version 1. */
function formatVersions(reports: readonly StatusReport[]): string[] {
  const servers = new Map<string, number[]>()
  for (const { id, service } of reports) {
    if (service === undefined || service.newest === 1) continue
    const { name, oldest, newest, inForce } = service
    const text = visible(`version ${inForce} of ${name} is in force, the program has ${oldest} to ${newest}`)
    servers.set(text, [...(servers.get(text) ?? []), id])
  }
  return [...servers].map(([text, ids]) => `server ${ids.join(', ')}: ${text}`)
}

function formatSpace({ id, disk = null }: StatusReport): string[] {
  if (disk?.isLow !== true) return []
  return [
    `server ${id}: takes no requests of clients, because its disk has ${formatSize(disk.freeBytes)} left and needs ${formatSize(disk.lowWaterBytes)}`,
  ]
}

/** A line for each place at which servers say that they differ, without a quorum that agrees. */
function formatDisputes(reports: readonly StatusReport[]): string[] {
  const servers = new Map<string, number[]>()
  for (const { id, dispute = null } of reports) {
    if (dispute === null) continue
    const since = dispute.isFirst
      ? `since instance ${dispute.instance}`
      : `at instance ${dispute.instance} or before`
    servers.set(since, [...(servers.get(since) ?? []), id])
  }
  if (servers.size === 0) return []
  const lines = [...servers].map(
    ([since, ids]) =>
      `server ${ids.join(', ')}: requests for the service are refused, because outcomes differ ${since} and no quorum agrees`,
  )
  return [
    ...lines,
    'a server that joins now takes the state of the server that --join names, and is counted with it: choose the one whose answers are to hold',
  ]
}

/** A line for each view of the cluster and its members. Servers learn lazily, so the views may differ. */
function formatViews(reports: readonly StatusReport[]): string[] {
  const views = new Map<string, number[]>()
  for (const report of reports) {
    const members = report.members.map(
      ({ id, address, counted }) => `${id}=${address}${counted ? '' : ' (joining)'}`,
    )
    const view = visible(`cluster ${report.cluster}, members ${members.join(' ')}`)
    views.set(view, [...(views.get(view) ?? []), report.id])
  }
  if (views.size < 2) return [...views.keys()]
  return [...views].map(([view, ids]) => `server ${ids.join(', ')}: ${view}`)
}

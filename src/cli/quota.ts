/** `paxos quota`: the size that the replicated state may have. */
import type { Command } from 'commander'
import { ask, ending, type Patience } from './ask.ts'
import { exitCodes, Failure } from './exit-codes.ts'
import { inquire } from './inquire.ts'
import { defaultTimeoutMs, jsonOption, parseQuota, serversOption, timeoutOption } from './options.ts'
import { print, printJson } from './output.ts'
import { formatSize } from './sizes.ts'
import { mostKnowing } from './status-report.ts'

interface Options extends Patience {
  readonly json?: boolean
}

export function addQuotaCommand(program: Command): void {
  const quota = program
    .command('quota')
    .description('show how large the replicated state is and may be, or change what it may be')
    .addHelpText(
      'after',
      `
A request that would make the state larger than its quota is refused (exit code ${exitCodes.quotaExceeded}); what makes it smaller works. The size is an estimate of
the memory that the state takes at each server: its snapshot on the disk is smaller.`,
    )
  const add = (usage: string, description: string, isDefault = false) =>
    quota
      .command(usage, { isDefault })
      .description(description)
      .addOption(serversOption())
      .addOption(timeoutOption(defaultTimeoutMs))
      .addOption(jsonOption())
  add(
    'show',
    'show the size and the quota, as the server with the latest state knows them (the default)',
    true,
  ).action(ending(show))
  add('set', 'change the quota; one below the size lets only pass what makes the state smaller')
    .argument('<SIZE>', 'bytes, or such as 512MiB, 2GiB or 1TiB', parseQuota)
    .action(ending(set))
}

async function show({ json, ...patience }: Options): Promise<void> {
  const answers = await inquire(patience)
  const usage = mostKnowing(answers.flatMap(({ report }) => report ?? []))?.usage?.stateBytes
  if (usage === undefined)
    throw new Failure('the servers answer with another version of paxos', exitCodes.failed)
  const { used: sizeBytes, allowed: quotaBytes } = usage
  if (json) return printJson({ sizeBytes, quotaBytes })
  print(
    `the replicated state takes ${formatSize(sizeBytes)} of its quota of ${formatSize(quotaBytes)}: ${percent(sizeBytes, quotaBytes)}`,
  )
}

async function set(bytes: number, { json, ...patience }: Options): Promise<void> {
  const changed = await ask(patience, (client, signal) => client.setQuota(bytes, { signal }))
  if (json) return printJson(changed)
  const { quotaBytes, before, sizeBytes } = changed
  print(
    `changed the quota from ${formatSize(before)} to ${formatSize(quotaBytes)}; the state takes ${formatSize(sizeBytes)}: ${percent(sizeBytes, quotaBytes)}`,
  )
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`
}

import type { Command } from 'commander'
import { exitCodes, Failure } from './exit-codes.ts'
import { LineWriter } from './line-writer.ts'
import { jsonOption } from './options.ts'
import { complain, print, printJson } from './output.ts'
import { checkStorage } from './storage-check.ts'
import { damageOf } from './storage-directory.ts'
import { formatRecord, formatRecordJson, showHeadings, showStorage } from './storage-show.ts'
import { placeText, storageText } from './storage-text.ts'

interface Flags {
  readonly json?: boolean
}

export function addStorageCommand(program: Command): void {
  const storage = program.command('storage').description('check or show the stored data of a server')
  storage
    .command('check')
    .description('check the stored data of a server: sound, with a torn tail, or damaged')
    .argument('<DIR>', 'the data directory of the server, which may run')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
It changes nothing. Exit code 0 for a store that is sound, or whose end is torn: a write was interrupted, and the next start drops
it. On a running server, that may be the write that is under way. Exit code ${exitCodes.damaged} for a damaged store: the text gives the
file, the place, the reason and the remedy.`,
    )
    .action(check)
  storage
    .command('show')
    .description('print the stored records of a server, one a line')
    .argument('<DIR>', 'the data directory of the server, which may run')
    .option('--json', 'print each record whole, as one JSON object a line')
    .addHelpText(
      'after',
      `
It changes nothing. A + marks records after the place that the file head names: they may not be synced yet.`,
    )
    .action(show)
}

async function check(directory: string, { json }: Flags): Promise<void> {
  const result = await checkStorage(directory)
  if (result.verdict === 'damaged') process.exitCode = exitCodes.damaged
  if (json) printJson(result)
  else print(storageText(result))
}

async function show(directory: string, { json }: Flags): Promise<void> {
  const lines = new LineWriter(process.stdout)
  if (!json) lines.write(showHeadings)
  try {
    const torn = await showStorage(directory, lines, json ? formatRecordJson : formatRecord)
    if (torn !== null) complain(`the end of the log is torn: ${placeText(torn)}`)
  } catch (error) {
    const damage = damageOf(error)
    if (damage !== null) throw new Failure(`${directory}: ${damage.message}`, exitCodes.damaged)
    throw error
  }
}

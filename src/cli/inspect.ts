import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { type Command, Option } from 'commander'
import type { Address } from '../../machines/batch.ts'
import type { HubOptions } from '../inspect/hub/hub.ts'
import type { RecordWriter } from '../inspect/hub/record-file.ts'
import { defaultInspectorPort } from '../inspect/records/protocol.ts'
import { exitCodes, Failure, wrongUse } from './exit-codes.ts'
import { Expected } from './expected.ts'
import { Inspector, inspectorLine } from './inspector.ts'
import { parseServers, wholeNumber } from './options.ts'
import { complain, print } from './output.ts'
import { onStopSignal } from './signals.ts'

interface InspectFlags {
  readonly servers?: readonly Address[]
  readonly port: number
  readonly record?: string
}

export function addInspectCommand(program: Command): void {
  program
    .command('inspect')
    .description('show what a cluster does, on a page in the browser')
    .argument(
      '[FILE]',
      'a recording to show, written by `paxos inspect --record` or `paxos simulate --inspect`; without it, servers that run',
    )
    .addOption(
      new Option(
        '--servers <A,B,C>',
        'the expected servers, as HOST:PORT: the page shows which of them do not report',
      ).argParser(parseServers),
    )
    .addOption(
      new Option('--port <port>', 'where the page is served, on 127.0.0.1')
        .argParser(wholeNumber(0, 65_535))
        .default(defaultInspectorPort),
    )
    .addOption(new Option('--record <file>', 'record what is shown in a new file, one JSON object a line'))
    .addHelpText(
      'after',
      `
Servers report to it when they are started with --inspect:
  paxos node … --inspect 127.0.0.1:${defaultInspectorPort}
\`paxos cluster --inspect\` starts both. \`paxos node --journal\` writes a different file, for \`paxos replay\`.`,
    )
    .action(inspect)
}

async function inspect(file: string | undefined, flags: InspectFlags): Promise<void> {
  const { port, servers } = flags
  if (file !== undefined && (servers !== undefined || flags.record !== undefined)) {
    throw wrongUse(`${file} is shown as it was recorded: leave out --servers and --record`)
  }
  const recording = file === undefined ? undefined : await readRecording(file)
  const writer = flags.record === undefined ? null : await openWriter(flags.record)
  const inspector = await Inspector.begin(
    { port, ...(recording !== undefined && { recording }), ...(writer !== null && { writer }) },
    recording === undefined ? { processes: null } : null,
  )
  const { hub } = inspector
  if (servers !== undefined) hub.expect(servers)
  const expected = servers === undefined ? null : new Expected(hub, servers)
  onStopSignal(() => {
    expected?.close()
    void inspector
      .close()
      .then(() => writer?.close())
      .then(() => process.exit(exitCodes.done))
  })
  print(inspectorLine(hub))
}

async function readRecording(path: string): Promise<NonNullable<HubOptions['recording']>> {
  const { parseRecords } = await import('../inspect/records/record-lines.ts')
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new Failure(`${path} cannot be read: ${(error as Error).message}`)
  }
  try {
    return { name: basename(path), records: parseRecords(text) }
  } catch (error) {
    throw new Failure(`${path}: ${(error as Error).message}`)
  }
}

/** Creates a file of records. Throws a `Failure` when it cannot. */
async function openWriter(path: string): Promise<RecordWriter> {
  const { RecordWriter } = await import('../inspect/hub/record-file.ts')
  try {
    return new RecordWriter(path, (error) => complain(`recording to ${path} stopped: ${error.message}`))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Failure(
      code === 'EEXIST'
        ? `--record ${path} exists already: give a new file`
        : `--record ${path} cannot be written: ${message}`,
    )
  }
}

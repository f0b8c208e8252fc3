import { existsSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Command, Option } from 'commander'
import type { Address } from '../../machines/batch.ts'
import type { RecordWriter } from '../inspect/hub/record-file.ts'
import type { Hub, HubOptions } from '../inspect/hub.ts'
import { defaultInspectorPort } from '../inspect/protocol.ts'
import { exitCodes, Failure } from './exit-codes.ts'
import { Expected } from './expected.ts'
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
    .argument('[FILE]', 'a recording to show, as --record has written it; without it, servers that run')
    .addOption(
      new Option(
        '--servers <A,B,C>',
        'servers that are expected, as HOST:PORT: it is told of those that are silent',
      ).argParser(parseServers),
    )
    .addOption(
      new Option('--port <port>', 'where the page is served, on 127.0.0.1')
        .argParser(wholeNumber(0, 65_535))
        .default(defaultInspectorPort),
    )
    .addOption(new Option('--record <file>', 'write down what is shown, a JSON object a line, in a new file'))
    .addHelpText(
      'after',
      `
Servers tell it what happens when they are started with --inspect:
  paxos node … --inspect 127.0.0.1:${defaultInspectorPort}
\`paxos cluster --inspect\` does both at once.`,
    )
    .action(inspect)
}

async function inspect(file: string | undefined, flags: InspectFlags): Promise<void> {
  const { port, servers } = flags
  if (file !== undefined && (servers !== undefined || flags.record !== undefined)) {
    throw new Failure(`${file} is shown as it was recorded: leave out --servers and --record`)
  }
  const recording = file === undefined ? undefined : await readRecording(file)
  const writer = flags.record === undefined ? null : await openWriter(flags.record)
  const hub = await listen({
    port,
    ...(recording !== undefined && { recording }),
    ...(writer !== null && { writer }),
  })
  const expected = servers === undefined ? null : new Expected(hub, servers)
  onStopSignal(() => {
    expected?.close()
    void hub
      .close()
      .then(() => writer?.close())
      .then(() => process.exit(exitCodes.done))
  })
  print(inspectorLine(hub))
}

/** What is printed where the page can be looked at. */
export function inspectorLine(hub: Hub): string {
  return `inspector on ${hub.url}`
}

/** A hub that serves the page. Throws a `Failure` when it cannot listen. */
export async function listen(options: Omit<HubOptions, 'pageFolder'>): Promise<Hub> {
  const { Hub } = await import('../inspect/hub.ts')
  try {
    return await Hub.listen({ ...options, pageFolder: pageFolder() })
  } catch (error) {
    throw new Failure(`the inspector cannot listen on 127.0.0.1:${options.port}: ${(error as Error).message}`)
  }
}

/** Where the page was built to: beside what was compiled. */
function pageFolder(): string {
  const folders = ['../../inspector', '../../dist/inspector'].map((folder) =>
    fileURLToPath(new URL(folder, import.meta.url)),
  )
  const [compiled = ''] = folders
  return folders.find((folder) => existsSync(`${folder}/index.html`)) ?? compiled
}

async function readRecording(path: string): Promise<NonNullable<HubOptions['recording']>> {
  const { parseRecords } = await import('../inspect/hub/record-file.ts')
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

/** Begins a file of records. Throws a `Failure` when it cannot. */
async function openWriter(path: string): Promise<RecordWriter> {
  const { RecordWriter } = await import('../inspect/hub/record-file.ts')
  try {
    return new RecordWriter(path, (error) => complain(`${path} is written no more: ${error.message}`))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Failure(
      code === 'EEXIST'
        ? `--record ${path} is there already: give a new file`
        : `--record ${path} cannot be written: ${message}`,
    )
  }
}

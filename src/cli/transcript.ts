import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { isCommandLine, runTranscript } from '../transcript/file.ts'
import { linkFragment } from '../transcript/link.ts'
import { grammar } from '../transcript/parse.ts'
import { exitCodes, Failure } from './exit-codes.ts'
import { print } from './output.ts'

export function addTranscriptCommand(program: Command): void {
  program
    .command('transcript')
    .description('run a transcript: each event in a cluster, and what it causes')
    .argument('<FILE>', 'a transcript, or only its commands; - for the standard input')
    .option(
      '--link [address]',
      'print a link to the playground with it; the address is that of the page, #… alone if left out',
    )
    .addHelpText(
      'after',
      `
A transcript is a text: commands, one per line; comments after a #; and, indented under each command, what
happened, which is ignored when the transcript is read. -> stands for →.

Commands:
${grammar}`,
    )
    .action(transcript)
}

async function transcript(file: string, { link }: { readonly link?: string | true }): Promise<void> {
  const { text, ran, failure } = runTranscript(await readText(file))
  if (link !== undefined) {
    const address = link === true ? '' : link.replace(/#.*$/, '')
    print(`${address}${await playgroundLink(text)}`)
    if (failure !== null) throw new Failure(`${file}: ${failure}`, exitCodes.failed)
    return
  }
  process.stdout.write(ran.endsWith('\n') ? ran : `${ran}\n`)
  if (failure !== null) throw new Failure(`${file}: ${failure}`, exitCodes.failed)
}

/**
 * The fragment of a link that opens a transcript in the playground. It contains the commands and comments; the playground
 * computes the results again.
 */
export function playgroundLink(text: string): Promise<string> {
  const lines = text.split('\n').filter((line) => isCommandLine(line) || line.startsWith('#'))
  return linkFragment({ schedule: `${lines.join('\n')}\n`, at: null, seed: null })
}

async function readText(file: string): Promise<string> {
  try {
    if (file !== '-') return await readFile(file, 'utf8')
    process.stdin.setEncoding('utf8')
    let text = ''
    for await (const part of process.stdin) text += part
    return text
  } catch (error) {
    throw new Failure(`${file} cannot be read: ${(error as Error).message}`)
  }
}

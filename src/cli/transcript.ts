import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { runTranscript } from '../transcript/file.ts'
import { grammar } from '../transcript/parse.ts'
import { exitCodes, Failure } from './exit-codes.ts'

export function addTranscriptCommand(program: Command): void {
  program
    .command('transcript')
    .description('run a transcript: a cluster in which each event is chosen, and what happens then')
    .argument('<FILE>', 'a transcript, or only its commands; - for the standard input')
    .addHelpText(
      'after',
      `
A transcript is a text: commands, a line each; comments, after a #; and indented under each command what
happened, which is left out when it is read. -> stands for →.

Commands:
${grammar}`,
    )
    .action(transcript)
}

async function transcript(file: string): Promise<void> {
  const { text, failure } = runTranscript(await readText(file))
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
  if (failure !== null) throw new Failure(`${file}: ${failure}`, exitCodes.failed)
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

import type { Command } from 'commander'
import { addCheckCommand } from './check.ts'
import { addReplayCommand } from './replay.ts'
import { addSimulateCommand } from './simulate.ts'
import { addTranscriptCommand } from './transcript.ts'

/** Adds the commands that verify runs and designs. They serve no cluster, and bring the engines that do not run in production. */
export function addVerifyingCommands(program: Command): void {
  addReplayCommand(program)
  addSimulateCommand(program)
  addCheckCommand(program)
  addTranscriptCommand(program)
}

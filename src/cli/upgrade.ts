/** `paxos upgrade`: a new version of the service's behaviour. */
import type { Command } from 'commander'
import { UpgradeRefused } from '../client/index.ts'
import { visible } from '../core/visible.ts'
import { ask, ending, type Patience } from './ask.ts'
import { Failure } from './exit-codes.ts'
import { defaultTimeoutMs, jsonOption, serversOption, timeoutOption, wholeNumber } from './options.ts'
import { print, printJson } from './output.ts'

interface Options extends Patience {
  readonly json?: boolean
}

export function addUpgradeCommand(program: Command): void {
  program
    .command('upgrade')
    .description('have the servers run a later version of the service, all from the same request on')
    .argument(
      '[VERSION]',
      'the version (default: the latest that all counted servers have)',
      wholeNumber(1, Number.MAX_SAFE_INTEGER),
    )
    .addOption(serversOption())
    .addOption(timeoutOption(defaultTimeoutMs))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
First start each server again, one after the other, with the program that has the version. An upgrade cannot be taken back: a server whose
program does not have the version in force does not start.`,
    )
    .action(ending(upgrade))
}

async function upgrade(version: number | undefined, { json, ...patience }: Options): Promise<void> {
  const upgraded = await ask(patience, async (client, signal) => {
    try {
      return await client.upgrade({ signal, ...(version !== undefined && { version }) })
    } catch (error) {
      throw error instanceof UpgradeRefused ? new Failure(visible(error.message)) : error
    }
  })
  if (json) return printJson(upgraded)
  const { version: inForce, before } = upgraded
  print(
    inForce === before
      ? `version ${inForce} of the service is in force already`
      : `version ${inForce} of the service is in force, in place of version ${before}`,
  )
}

import type { Command } from 'commander'
import type { Address, Instance } from '../../machines/batch.ts'
import type { Offer } from '../../machines/messages.ts'
import { type BackupSink, receiveBackup } from '../client/backup-source.ts'
import { ReadFailed } from '../client/index.ts'
import { BackupWriter } from '../storage/backup-file.ts'
import { ask, ending, type Patience } from './ask.ts'
import { signalExitCodes } from './exit-codes.ts'
import { inquire } from './inquire.ts'
import { defaultTimeoutMs, jsonOption, serversOption, timeoutOption } from './options.ts'
import { print, printJson } from './output.ts'
import { onStopSignal } from './signals.ts'
import { formatSize } from './sizes.ts'

type Flags = Patience & { readonly json?: boolean }

export function addBackupCommand(program: Command): void {
  program
    .command('backup')
    .description('write the state of the running cluster to FILE')
    .argument('<FILE>', 'the new file')
    .addOption(serversOption())
    .addOption(timeoutOption(defaultTimeoutMs))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
FILE holds the state at one instance, with everything that was answered before the command began. It needs a majority of the
servers, and takes the bytes from one of them. FILE holds what clients stored, and the secret names of their sessions: only its
owner can read it. paxos restore makes a new cluster from it. --timeout bounds the wait for the majority, not the transfer.`,
    )
    .action(ending(backup))
}

async function backup(path: string, { json, ...patience }: Flags): Promise<void> {
  const writer = new BackupWriter(path)
  const removeHandlers = onStopSignal((signal) => {
    writer.discard()
    process.exit(signalExitCodes[signal])
  })
  try {
    const least = await answeredBelow(patience)
    const offer = await receiveBackup(await serversOf(patience), least, sinkInto(writer))
    const { type: _, nonce: __, snapshot, ...described } = offer
    const { instance } = snapshot
    const takenAt = new Date().toISOString()
    const fileBytes = writer.finish({ ...described, instance, takenAt })
    const { cluster, service, lengthBytes, digest } = offer
    if (json)
      printJson({ file: path, cluster, service, instance, takenAt, bytes: lengthBytes, digest, fileBytes })
    else
      print(
        `${path}: the state of the cluster ${cluster} (${service}) before instance ${instance}; wrote ${formatSize(fileBytes)}`,
      )
  } finally {
    removeHandlers()
    writer.discard()
  }
}

/** An instance below which everything is executed that was answered before now. */
async function answeredBelow(patience: Patience): Promise<Instance> {
  // No service reads `null`. The refusal says from which state it came, which is as new as that of any read.
  return ask(patience, async (client, signal) => {
    try {
      return (await client.read(null, { signal })).instance
    } catch (error) {
      if (error instanceof ReadFailed) return error.instance
      throw error
    }
  })
}

/** The given servers, and the others that they name: the one that is asked must have executed enough. */
async function serversOf(patience: Patience): Promise<readonly Address[]> {
  const answers = await inquire(patience)
  const running = answers.filter(({ report }) => report !== null).map(({ server }) => server)
  return running.length === 0 ? patience.servers : running
}

function sinkInto(writer: BackupWriter): BackupSink {
  return {
    begin: async (_: Offer) => writer.begin(),
    write: async (bytes) => writer.write(bytes),
  }
}

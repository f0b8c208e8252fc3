import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { foundFrom, requireFree } from '../node/new-cluster.ts'
import { stateIn } from '../node/restored-state.ts'
import { knownService } from '../services/known.ts'
import { BackupReader } from '../storage/backup-file.ts'
import { ending } from './ask.ts'
import { confirm, yesOption } from './confirm.ts'
import { Failure } from './exit-codes.ts'
import { defaultService, jsonOption, type MemberOption, parseMembers } from './options.ts'
import { print, printJson, shellCommand } from './output.ts'
import { refuseWhileRunning } from './still-running.ts'

interface Flags {
  readonly members: readonly MemberOption[]
  readonly data: string
  readonly yes?: boolean
  readonly json?: boolean
}

export function addRestoreCommand(program: Command): void {
  program
    .command('restore')
    .description('make the data directories of a new cluster from the backup FILE')
    .argument('<FILE>', 'the file that paxos backup wrote')
    .addOption(
      new Option('--members <0=HOST:PORT,1=…>', 'the servers of the new cluster')
        .argParser(parseMembers)
        .makeOptionMandatory(),
    )
    .addOption(new Option('--data <dir>', 'the new directory: server N gets DIR/N').makeOptionMandatory())
    .addOption(yesOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
The new cluster has another name and other directories, so no server of the old one can take part in it. It goes on from the state
in FILE: with the sessions of clients, what they hold, and the results of their requests. Programs must connect anew. The command
asks the members that FILE names, and refuses while a server of the old cluster answers. A directory that goes to another machine
starts there with --moved the first time.`,
    )
    .action(ending(restore))
}

async function restore(file: string, { members, data, yes, json }: Flags): Promise<void> {
  const backup = new BackupReader(file)
  const { header } = backup
  const service = knownService(header.service)
  if (service === null) {
    throw new Failure(
      `${file} is a backup of the service ${header.service}, which is none of this package: call restoreBackup in the program that defines it`,
    )
  }
  const directoryOf = (id: number) => join(data, String(id))
  for (const { id } of members) requireFree(directoryOf(id))
  const replica = stateIn(backup, service)
  await refuseWhileRunning(
    header.members.map(({ address }) => address),
    header.cluster,
  )
  await confirm(lossesOf(file, header.takenAt), { yes: yes ?? false })
  const { cluster, instance } = await foundFrom(replica, { members, directoryOf })
  if (json) return printJson({ file, cluster, service: header.service, instance, members, data })
  print(`the new cluster ${cluster} goes on at instance ${instance}. Start its servers:`)
  const others = header.service === defaultService ? [] : ['--service', header.service]
  for (const { id, address } of members) {
    const words = [
      'paxos',
      'node',
      '--id',
      `${id}`,
      '--listen',
      address,
      '--data',
      directoryOf(id),
      ...others,
    ]
    print(`  ${shellCommand(words)}`)
  }
}

/** What the operator must know. */
function lossesOf(file: string, takenAt: string): readonly string[] {
  return [
    `${file} was taken at ${takenAt}: whatever the cluster answered after that is lost`,
    'a client may believe that it holds a lock which was granted after that: only the tokens tell, and the new cluster grants higher ones',
    'the servers of the old cluster must not run any more: clients that find them would be answered by two clusters',
  ]
}

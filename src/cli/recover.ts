import { type Command, Option } from 'commander'
import type { Address } from '../../machines/batch.ts'
import { Recovery } from '../node/recovery.ts'
import { knownService } from '../services/known.ts'
import type { Service } from '../services/service.ts'
import { ending } from './ask.ts'
import { confirm, yesOption } from './confirm.ts'
import { Failure, wrongUse } from './exit-codes.ts'
import { defaultService, jsonOption, parseReachableAddress } from './options.ts'
import { print, printJson, shellCommand } from './output.ts'
import { refuseWhileRunning } from './still-running.ts'
import { ownerOf } from './storage-directory.ts'

interface Flags {
  readonly forceNewCluster?: boolean
  readonly data: string
  readonly address?: Address
  readonly yes?: boolean
  readonly json?: boolean
}

export function addRecoverCommand(program: Command): void {
  program
    .command('recover')
    .description('make a new cluster of one server from its directory, when the majority is lost for ever')
    .addOption(
      new Option('--data <dir>', 'the directory of the server, which must be stopped').makeOptionMandatory(),
    )
    .addOption(new Option('--force-new-cluster', 'give the old cluster up'))
    .addOption(
      new Option(
        '--address <HOST:PORT>',
        'its address in the new cluster (default: that in the old one)',
      ).argParser(parseReachableAddress),
    )
    .addOption(yesOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
While a majority of the servers can be started again, start it: then nothing is lost. Otherwise take the survivor that knows most:
the one with the highest first unchosen instance in paxos storage check. The directory becomes that of the only server of a new cluster, with
another name, and the old directory is kept beside it. Other servers join it with empty directories. No old directory may be used
again: the servers of the old cluster cannot take part in the new one.`,
    )
    .action(ending(recover))
}

async function recover({ forceNewCluster, data, address: given, yes = false, json }: Flags): Promise<void> {
  if (forceNewCluster !== true) {
    throw wrongUse('give --force-new-cluster: it says that the majority of the old cluster is lost for ever')
  }
  ownerOf(data)
  const recovery = await Recovery.open(data, (name) => serviceCalled(name, data))
  try {
    const { identity, survivor } = recovery
    const address = given ?? recovery.address
    if (address === null) {
      throw wrongUse(
        `server ${identity.node} is no member of its cluster any more: give its address with --address HOST:PORT`,
      )
    }
    const others = survivor.replica.members.filter(({ id }) => id !== identity.node)
    await refuseWhileRunning(
      others.map((other) => other.address),
      identity.cluster,
    )
    await confirm(lossesOf(recovery), { yes })
    const { cluster, instance, kept } = await recovery.found(address)
    const members = [{ id: identity.node, address }]
    const service = survivor.replica.serviceName
    if (json) return printJson({ cluster, service, instance, members, data, kept })
    print(
      `server ${identity.node} is the only one of the new cluster ${cluster}, which goes on at instance ${instance}. Start it:`,
    )
    print(
      `  ${shellCommand(['paxos', 'node', '--id', `${identity.node}`, '--listen', address, '--data', data, ...serviceArgs(service)])}`,
    )
    print(
      `Others join it with empty directories (--join ${address}). ${kept} is what there was before: no server may use it, and none starts with it`,
    )
  } finally {
    await recovery.close()
  }
}

function serviceArgs(service: string): readonly string[] {
  return service === defaultService ? [] : ['--service', service]
}

function serviceCalled(name: string | undefined, data: string): Service {
  const service = name === undefined ? null : knownService(name)
  if (service !== null) return service
  throw new Failure(
    name === undefined
      ? `${data} does not name the service of its cluster, because an earlier version wrote it: call recoverCluster of the package with the service`
      : `${data} is of a cluster that runs the service ${name}, which is none of this package: call recoverCluster in the program that defines it`,
  )
}

/** What the operator must know. */
function lossesOf({ survivor, identity, notOriginal, condemned }: Recovery): readonly string[] {
  const { replica, firstUnchosen, aboveGap } = survivor
  const { node, cluster } = identity
  const last = replica.firstUnexecuted - 1
  const [batches, are] =
    last === firstUnchosen
      ? [`the batch of instance ${last}`, 'is']
      : [`the batches of the instances ${firstUnchosen} to ${last}`, 'are']
  return [
    `server ${node} of the cluster ${cluster} knew everything below instance ${firstUnchosen}: whatever the others chose above and answered is lost`,
    ...(last < firstUnchosen
      ? []
      : [`${batches}, which it had accepted and which may have been chosen, ${are} executed`]),
    ...(aboveGap.length === 0
      ? []
      : [
          `what it had accepted at ${aboveGap.join(', ')} is lost, because the batch of instance ${replica.firstUnexecuted} is missing`,
        ]),
    ...(notOriginal === null
      ? []
      : [
          `the directory is a copy (${notOriginal}): what the server stored after the copy was made is lost, too`,
        ]),
    ...(condemned === null
      ? []
      : [
          `the server has halted (${condemned}): if the directory is an older copy, what the server stored after the copy was made is lost, too`,
        ]),
    'a client may believe that it holds a lock which this server does not know of: only the tokens tell, and the new cluster grants higher ones',
    'no other server of the old cluster may run any more: clients that find it would be answered by two clusters',
  ]
}

type Quantities = Readonly<Record<string, string>>;

/** What a node says of the machine that it is. */
export interface Machine {
  /** Before what a node's description says otherwise. */
  readonly capacity: Quantities;
  /** Kept from pods, by resource: for the system, for Kubernetes, and below which pods are evicted. */
  readonly reserved: Quantities;
  readonly kernelVersion: string;
  readonly osImage: string;
  /** 32 hex digits, the same for every start of this node. */
  readonly machineID: string;
  readonly systemUUID: string;
  /** Another after each start of the machine. */
  readonly bootID: string;
  /** `amd64`, `arm64`. */
  readonly architecture: string;
  /** 0: none. */
  readonly swapBytes: number;
  /** On which its kubelet listens; default: 10250, where those of others do. */
  readonly kubeletPort?: number;
  /** Folder of its logs, where it has files. */
  readonly logs?: string;
}
const CAPACITY: Quantities = {
  cpu: '4',
  'ephemeral-storage': '104857600Ki',
  'hugepages-2Mi': '0',
  memory: '16777216Ki',
  pods: '110',
};
/** What nodes say that are no machine. */
export function simulatedMachine(name: string, bootID: string, architecture = 'amd64'): Machine {
  const machineID = machineIDOf(name);
  return {
    capacity: CAPACITY,
    reserved: {},
    kernelVersion: '6.12.0-kubus',
    osImage: 'Kubus simulated node',
    machineID,
    systemUUID: uuidOf(machineID),
    bootID,
    architecture,
    swapBytes: 0,
  };
}
/** Stands in for /etc/machine-id: the same for the same text. */
export function machineIDOf(text: string): string {
  let out = '';
  for (let i = 0; out.length < 32; i++) {
    let h = 0x811c9dc5;
    for (const char of `${i}/${text}`) h = Math.imul(h ^ char.codePointAt(0)!, 0x01000193);
    out += (h >>> 0).toString(16).padStart(8, '0');
  }
  return out;
}
export const uuidOf = (machineID: string): string => machineID.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');

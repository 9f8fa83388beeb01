/**
 * The program that holds a pod's namespaces, and that is a node's first process: it collects the processes that nobody
 * waits for any more, and ends on SIGTERM or SIGINT. So small that it is written in machine code here, and no compiler,
 * package or registry is needed where a cluster starts.
 */
export type Architecture = 'amd64' | 'arm64';
/** A static ELF program for Linux. */
export const pauseProgram = (architecture: Architecture): Buffer => elf(MACHINES[architecture], CODE[architecture]());

/** Where the file lies in memory. */
const BASE = 0x400000n;
const EHDR_BYTES = 64;
const PHDR_BYTES = 56;
/** Source: ELF-64 specification, e_machine. */
const MACHINES: Readonly<Record<Architecture, number>> = { amd64: 62, arm64: 183 };

function elf(machine: number, code: Buffer): Buffer {
  const head = Buffer.alloc(EHDR_BYTES + PHDR_BYTES);
  const size = BigInt(head.length + code.length);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(head);
  head.writeUInt16LE(2, 16); // an executable
  head.writeUInt16LE(machine, 18);
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(BASE + BigInt(head.length), 24); // its first instruction
  head.writeBigUInt64LE(BigInt(EHDR_BYTES), 32); // the program header
  head.writeUInt16LE(EHDR_BYTES, 52);
  head.writeUInt16LE(PHDR_BYTES, 54);
  head.writeUInt16LE(1, 56);
  const at = EHDR_BYTES;
  head.writeUInt32LE(1, at); // loaded
  head.writeUInt32LE(5, at + 4); // readable, executable
  head.writeBigUInt64LE(BASE, at + 16);
  head.writeBigUInt64LE(BASE, at + 24);
  head.writeBigUInt64LE(size, at + 32);
  head.writeBigUInt64LE(size, at + 40);
  head.writeBigUInt64LE(0x1000n, at + 48);
  return Buffer.concat([head, code]);
}

/** An instruction, a place that jumps name, or a jump: its bytes by the distance to that place. */
type Line = readonly number[] | string | { readonly to: string; readonly bytes: (distance: number) => readonly number[]; readonly size: number }; // prettier-ignore

/** `origin`: from where a jump counts, its own beginning or its end. */
function assemble(lines: readonly Line[], origin: 'beginning' | 'end'): Buffer {
  const places = new Map<string, number>();
  let at = 0;
  for (const line of lines) {
    if (typeof line === 'string') places.set(line, at);
    else at += 'to' in line ? line.size : line.length;
  }
  const out: number[] = [];
  for (const line of lines) {
    if (typeof line === 'string') continue;
    if (!('to' in line)) out.push(...line);
    else out.push(...line.bytes(places.get(line.to)! - out.length - (origin === 'end' ? line.size : 0)));
  }
  return Buffer.from(out);
}

const SIGINT = 2;
const SIGTERM = 15;
const SIGCHLD = 17;

/** All signals are blocked, so that none is lost before it is waited for: a first process ignores what it has no handler for. */
const CODE: Readonly<Record<Architecture, () => Buffer>> = {
  amd64: () => {
    const jump = (opcode: number, to: string): Line => ({ to, size: 2, bytes: (d) => [opcode, d & 0xff] });
    const call = (number: number): number[] => [0xb8, number, 0, 0, 0, 0x0f, 0x05]; // mov eax, number; syscall
    const isSignal = (signal: number): number[] => [0x83, 0xf8, signal]; // cmp eax, signal
    const EIGHT_IN_R10 = [0x41, 0xba, 8, 0, 0, 0];
    return assemble(
      [
        [0x6a, 0xff], // push -1: the set of all signals
        [0x31, 0xff, 0x48, 0x89, 0xe6, 0x31, 0xd2, ...EIGHT_IN_R10], // edi = 0 (SIG_BLOCK), rsi = rsp, edx = 0
        call(14), // rt_sigprocmask
        'wait',
        [0x48, 0x89, 0xe7, 0x31, 0xf6, 0x31, 0xd2, ...EIGHT_IN_R10], // rdi = rsp, esi = 0, edx = 0
        call(128), // rt_sigtimedwait
        isSignal(SIGCHLD),
        jump(0x74, 'reap'), // je
        isSignal(SIGTERM),
        jump(0x74, 'end'),
        isSignal(SIGINT),
        jump(0x75, 'wait'), // jne
        'end',
        [0x31, 0xff], // edi = 0
        call(231), // exit_group
        'reap',
        [0x83, 0xcf, 0xff, 0x31, 0xf6, 0xba, 1, 0, 0, 0, 0x45, 0x31, 0xd2], // edi = -1, esi = 0, edx = WNOHANG, r10 = 0
        call(61), // wait4
        [0x85, 0xc0], // test eax, eax
        jump(0x7f, 'reap'), // jg
        jump(0xeb, 'wait'),
      ],
      'end',
    );
  },
  arm64: () => {
    const word = (n: number): number[] => [n & 0xff, (n >>> 8) & 0xff, (n >>> 16) & 0xff, (n >>> 24) & 0xff];
    const mov = (register: number, value: number): number[] => word((0xd2800000 | (value << 5) | register) >>> 0);
    const minusOne = (register: number): number[] => word((0x92800000 | register) >>> 0);
    const stackPointer = (register: number): number[] => word((0x910003e0 | register) >>> 0);
    const compare = (value: number): number[] => word(0x7100001f | (value << 10)); // cmp w0, value
    const when = (condition: number, to: string): Line => ({
      to,
      size: 4,
      bytes: (d) => word((0x54000000 | (((d >> 2) & 0x7ffff) << 5) | condition) >>> 0),
    });
    const always = (to: string): Line => ({ to, size: 4, bytes: (d) => word((0x14000000 | ((d >> 2) & 0x3ffffff)) >>> 0) }); // prettier-ignore
    const call = (number: number): number[] => [...mov(8, number), ...word(0xd4000001)];
    const [EQUAL, UNEQUAL, GREATER] = [0, 1, 12] as const;
    return assemble(
      [
        minusOne(0),
        word(0xf81f0fe0), // str x0, [sp, #-16]!: the set of all signals
        [...mov(0, 0), ...stackPointer(1), ...mov(2, 0), ...mov(3, 8)],
        call(135), // rt_sigprocmask
        'wait',
        [...stackPointer(0), ...mov(1, 0), ...mov(2, 0), ...mov(3, 8)],
        call(137), // rt_sigtimedwait
        compare(SIGCHLD),
        when(EQUAL, 'reap'),
        compare(SIGTERM),
        when(EQUAL, 'end'),
        compare(SIGINT),
        when(UNEQUAL, 'wait'),
        'end',
        mov(0, 0),
        call(94), // exit_group
        'reap',
        [...minusOne(0), ...mov(1, 0), ...mov(2, 1), ...mov(3, 0)],
        call(260), // wait4
        compare(0),
        when(GREATER, 'reap'),
        always('wait'),
      ],
      'beginning',
    );
  },
};

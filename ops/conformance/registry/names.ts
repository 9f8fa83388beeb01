/** Hosts of the registries, all at one address. Of those of a name, what they ask for and what they do. */
export const HOSTS = {
  /** User and password, by HTTP's basic authentication. */
  basic: 'basic.registry.test',
  /** A token, which another host gives for user and password. */
  bearer: 'bearer.registry.test',
  tokens: 'tokens.registry.test',
  /** As the first, but nodes know of no authority that vouches for it. */
  strange: 'strange.registry.test',
  /** As the first, a little at a time. */
  slow: 'slow.registry.test',
  /** Nobody is asked for anything. */
  open: 'open.registry.test',
} as const;
export const PORT = 5443;
/** Nobody listens there. */
export const NO_PORT = 5444;
export const at = (host: keyof typeof HOSTS, image: string): string => `${HOSTS[host]}:${PORT}/${image}`;
export const USER = { name: 'puller', password: 'pull-secret' } as const;
/** Of that password, by htpasswd -B. */
export const HTPASSWD = 'puller:$2b$04$abcdefghijklmnopqrstuuH5wTQzvC3Zall/mZjSDa23DrVdMWhT6\n';

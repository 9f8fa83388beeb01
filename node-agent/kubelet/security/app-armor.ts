import type { AppArmorProfile, Container, Pod } from '../../../schemas/generated/core-v1.ts';

/** What was said before there were fields. Source: core/v1 DeprecatedAppArmorBetaContainerAnnotationKeyPrefix. */
const ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';
const LOCALHOST = 'localhost/';

/** Source: pkg/security/apparmor GetProfile. */
export function appArmorProfileOf({ metadata, spec }: Pod, container: Pick<Container, 'name' | 'securityContext'>): AppArmorProfile | undefined {
  return (
    container.securityContext?.appArmorProfile ??
    annotated(metadata.annotations?.[ANNOTATION + container.name]) ??
    spec?.securityContext?.appArmorProfile
  );
} // prettier-ignore
function annotated(text: string | undefined): AppArmorProfile | undefined {
  if (text === undefined) return undefined;
  if (text === 'unconfined') return { type: 'Unconfined' };
  if (text.startsWith(LOCALHOST)) return { type: 'Localhost', localhostProfile: text.slice(LOCALHOST.length) };
  return text === 'runtime/default' ? { type: 'RuntimeDefault' } : undefined;
}
/** Whether any container wants to be confined. Source: pkg/security/apparmor isRequired. */
export function wantsAppArmor({ metadata, spec }: Pod): boolean {
  const confines = (profile: AppArmorProfile | undefined): boolean =>
    profile !== undefined && profile.type !== 'Unconfined';
  const containers = [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ];
  if (confines(spec?.securityContext?.appArmorProfile)) return true;
  if (containers.some(({ securityContext }) => confines(securityContext?.appArmorProfile))) return true;
  const said = Object.entries(metadata.annotations ?? {}).find(([key]) => key.startsWith(ANNOTATION));
  return said !== undefined && said[1] !== 'unconfined';
}

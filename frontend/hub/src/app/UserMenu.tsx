import { Menu } from "@mantine/core";
import { Icon } from "@shared/design/icons";
import { useGo } from "@shared/shell/Go";
import css from "@shared/shell/shell.module.css";
import { signOut } from "../accounts/allauth";
import { useMe } from "../accounts/me";

export function UserMenu() {
  const { user } = useMe();
  const go = useGo();
  const leave = async () => {
    await signOut();
    location.assign("/sign-in");
  };
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <button type="button" className={css.iconButton} aria-label={`Account: ${user.email}`}>
          <Icon name="hand" />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{user.email}</Menu.Label>
        <Menu.Item onClick={() => go("/new")}>New project</Menu.Item>
        <Menu.Item onClick={() => go("/fleet")}>Fleet</Menu.Item>
        <Menu.Divider />
        <Menu.Item onClick={() => void leave()}>Sign out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

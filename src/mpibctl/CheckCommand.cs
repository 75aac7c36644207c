using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using MpibAgent;
using MpibAgent.Interface;

namespace MpibCtl;

/// <summary>mpibctl check: walks the whole chain from the unit to the jobs' environment, and says what is wrong and the command that mends it.</summary>
public static class CheckCommand
{
    private const string Service = "mpib-agent.service";

    /// <summary>Where FIFO, state and status are; tmpfiles.d gives back the directory alone.</summary>
    private const string ServiceDirectory = "/run/mpib";

    private const string RegionLock = "/tmp/mpib/agent.lock";
    private const string RemoveRegion = "sudo rm -r /tmp/mpib; ";

    /// <summary>A socket unit cannot be started while its service runs: all are.</summary>
    private const string RestartAll = "sudo systemctl restart mpib-agent.socket mpib-control.socket mpib-agent";

    private static readonly string[] Units = [Service, "mpib-agent.socket", "mpib-control.socket"];

    private enum Verdict
    {
        Good,
        Odd,
        Bad,
        Skipped,
    }

    /// <summary>Its place on the command line.</summary>
    public static Command Create(Option<string?> agent)
    {
        var command = new Command("check", "Looks at every link of the chain. Exit code: 0 all is well, 1 something is wrong, 3 the agent is not running.");
        command.SetAction(parsed => Run(parsed.GetValue(agent)));
        return command;
    }

    private static int Run(string? path)
    {
        var view = new Lookout(path).Find();
        var units = AskUnits();
        List<Finding> findings = [.. UnitsAre(units, view), Alive(view, path is null && units?[Service].IsActive == true), .. StatusIs(view)];
        var snapshot = view.Snapshot;
        var (region, socket, control) = snapshot is null
            ? (HintLayout.DefaultPath, Protocol.DefaultPath, "/run/mpib/control") : (snapshot.Paths.Region, snapshot.Paths.Socket, snapshot.Paths.Control);
        findings.Add(Safe(System.IO.Path.GetDirectoryName(region)!));
        findings.Add(RegionIs(region, view.State == Liveness.Alive));
        findings.Add(Answers(socket));
        findings.Add(Takes(control));
        if (snapshot is not null)
        {
            findings.AddRange(snapshot.Rails.Select(rail => RailIs(rail, snapshot.Paths.SysRoot, snapshot.Policy.Name)));
            findings.AddRange(Jobs(snapshot));
        }

        Terminal.Write(findings.SelectMany(Draw));
        var bad = findings.Count(finding => finding.Verdict == Verdict.Bad);
        var odd = findings.Count(finding => finding.Verdict == Verdict.Odd);
        Terminal.Write([new Line(bad + odd == 0 ? "all is well" : string.Create(CultureInfo.InvariantCulture, $"{bad} wrong, {odd} odd"),
            bad > 0 ? Line.Bad : odd > 0 ? Line.Odd : Line.Good)]);
        return !view.Lives ? ExitCode.NotRunning : bad > 0 ? ExitCode.Bad : ExitCode.Good;
    }

    private static IEnumerable<Line> Draw(Finding finding)
    {
        var (mark, style) = finding.Verdict switch
        {
            Verdict.Good => ("ok    ", Line.Good),
            Verdict.Odd => ("odd   ", Line.Odd),
            Verdict.Bad => ("WRONG ", Line.Bad),
            _ => ("-     ", Line.Faint),
        };
        yield return new Line(mark, style).Add($"{finding.Link,-10}", Line.Strong).Add(Shown(finding.What));
        if (finding.Mend is { } mend)
        {
            yield return new Line("      ").Add($"{"",-10}").Add("run: ", Line.Faint).Add(Shown(mend));
        }
    }

    /// <summary>Safe to show. Parts of it have been made so before: a backslash stays one.</summary>
    private static string Shown(string text) => Text.Safe(text, limit: 400).Replace(@"\\", @"\", StringComparison.Ordinal);

    /// <summary>The units as systemd has them; null where it does not run or answer.</summary>
    private static Dictionary<string, Unit>? AskUnits()
    {
        var units = new Dictionary<string, Unit>();
        foreach (var name in Units)
        {
            if (!Directory.Exists("/run/systemd/system")
                || AskSystemd(["show", "--property=LoadState,ActiveState,SubState,MainPID,Result", name]) is not { } answer)
            {
                return null;
            }

            var properties = answer.Split('\n').Select(line => line.Split('=', 2)).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => pair[1]);
            string Property(string property) => properties.GetValueOrDefault(property, "");
            units[name] = new Unit(Property("LoadState"), Property("ActiveState"), Property("SubState"), Property("MainPID"), Property("Result"));
        }

        return units;
    }

    private static IEnumerable<Finding> UnitsAre(Dictionary<string, Unit>? units, AgentView view)
    {
        if (units is null)
        {
            yield return Directory.Exists("/run/systemd/system") ? new Finding("unit", Verdict.Odd, "systemctl does not answer")
                : new Finding("unit", Verdict.Skipped, "systemd does not run here");
            yield break;
        }

        var isByHand = view.State == Liveness.Alive && !units[Service].IsActive;
        foreach (var (name, unit) in units)
        {
            var isService = name == Service;
            yield return unit switch
            {
                { LoadState: not "loaded" } when isByHand => new Finding("unit", Verdict.Odd, $"{name} is {unit.LoadState}: the agent was started by hand"),
                { LoadState: "masked" } when !isService && units[Service].IsActive => new Finding("unit", Verdict.Odd,
                    $"{name} is masked: what comes while the agent is away fails instead of waiting", $"sudo systemctl unmask {name}; {RestartAll}"),
                { LoadState: not "loaded" } => new Finding("unit", Verdict.Bad, $"{name} is {unit.LoadState}", unit.LoadState switch
                {
                    "masked" => $"sudo systemctl unmask {name}; sudo systemctl start mpib-agent",
                    "not-found" => "sudo deploy/install.sh, or: sudo apt install ./mpib-agent_*.deb",
                    _ => $"systemd-analyze verify {name}; systemctl cat {name}",
                }),
                { IsActive: false } when isByHand => new Finding("unit", Verdict.Odd, $"{name} is {unit.ActiveState}: the agent was started by hand",
                    isService ? string.Create(CultureInfo.InvariantCulture, $"sudo kill {view.Snapshot?.Agent.Pid}; {(IsRegionForeign() ? RemoveRegion : "")}sudo systemctl start mpib-agent") : null),
                { IsActive: false } when units[Service].IsActive => new Finding("unit", Verdict.Bad, $"{name} is {unit.ActiveState} ({unit.Result})", $"{RestartAll}; journalctl -u {name} -p err -n 5"),
                { IsActive: false } => new Finding("unit", Verdict.Bad, $"{name} is {unit.ActiveState} ({unit.Result})",
                    isService ? "sudo systemctl start mpib-agent; journalctl -u mpib-agent -p err -n 5" : "sudo systemctl start mpib-agent"),
                _ when isService && view.Snapshot is { } snapshot && unit.MainPid != snapshot.Agent.Pid.ToString(CultureInfo.InvariantCulture) => new Finding("unit", Verdict.Odd,
                    string.Create(CultureInfo.InvariantCulture, $"{name} is pid {unit.MainPid}, and this is about pid {snapshot.Agent.Pid}: another agent, or another pid namespace")),
                _ => new Finding("unit", Verdict.Good, $"{name} is active ({unit.SubState})"),
            };
        }
    }

    private static Finding Alive(AgentView view, bool hasService) => view is { State: Liveness.Alive, Snapshot: { } snapshot }
        ? new Finding("agent", Verdict.Good, string.Create(CultureInfo.InvariantCulture, $"pid {snapshot.Agent.Pid} holds {view.Path}; policy {snapshot.Policy.Name}"))
        : hasService && view.State is Liveness.Absent or Liveness.Dead
        ? new Finding("agent", Verdict.Bad, $"the service runs, and its status is not at {view.Path}: somebody has removed what is in that directory", RestartAll)
        : new Finding("agent", Verdict.Bad, view.Problem.Split("; run: ")[0],
            view.State == Liveness.Unreadable && GivingBack(view.Path) is { } giving ? giving : view.Problem.Split("; run: ") is [_, var mend] ? "sudo " + mend : null);

    private static IEnumerable<Finding> StatusIs(AgentView view)
    {
        if (view is { State: Liveness.Alive, Snapshot: { Hints.Seq: not null } snapshot })
        {
            yield return view.Problem.Split("; run: ") is [var what, var mend] ? new Finding("status", Verdict.Bad, what, mend)
                : new Finding("status", Verdict.Good, $"{view.Path} follows the region; written {Text.Duration(BootClock.Now() - snapshot.WrittenAt)} ago");
        }
    }

    private static Finding Safe(string directory) => FileStatus.Of(directory) switch
    {
        null => new Finding("directory", Verdict.Bad, $"there is no {directory}", "sudo systemctl restart mpib-agent.socket mpib-agent"),
        { Type: not UnixFileType.Directory } => new Finding("directory", Verdict.Bad, $"{directory} is no directory, so nothing in it is the agent's",
            $"sudo rm {directory}; sudo systemctl restart mpib-agent.socket mpib-agent"),
        { } found when !TrustedFile.IsTrusted(found.Owner) => new Finding("directory", Verdict.Bad,
            $"{directory} belongs to {Users.NameOf(found.Owner)}, who could put another region in place",
            // tmpfiles.d gives it back. It stays where it is: jobs have the region in it mapped.
            directory == System.IO.Path.GetDirectoryName(HintLayout.DefaultPath) ? "sudo systemctl restart mpib-agent" : $"sudo chown {TrustedFile.ServiceUser} {directory}"),
        { } found when (found.Mode & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != 0 => new Finding("directory", Verdict.Bad,
            $"others can write to {directory} (mode {Convert.ToString((int)found.Mode, 8)})", $"sudo chmod 0755 {directory}"),
        { } found when (found.Mode & UnixFileMode.OtherExecute) == 0 => new Finding("directory", Verdict.Bad,
            $"jobs of other users cannot enter {directory} (mode {Convert.ToString((int)found.Mode, 8)})", $"sudo chmod 0755 {directory}"),
        { } found => new Finding("directory", Verdict.Good, $"{directory} is {Users.NameOf(found.Owner)}'s alone"),
    };

    /// <summary>To run before a restart where there is what no agent removes, such as the directory that docker makes of a path to bind that is not there.</summary>
    private static string Removing(string path) =>
        FileStatus.Of(path) is { Type: UnixFileType.Directory or UnixFileType.SymbolicLink } ? $"sudo rm -r {path}; " : "";

    /// <summary>
    /// To run where the service's directory, or what lies in it, is somebody else's; null where it is not. A living agent goes on with that, and no other starts
    /// without it: the state file is the one thing that it trusts or does without.
    /// </summary>
    private static string? GivingBack(string path) =>
        System.IO.Path.GetDirectoryName(path) is ServiceDirectory && new[] { ServiceDirectory, path }.Any(name => FileStatus.Of(name) is { } found && !TrustedFile.IsTrusted(found.Owner))
            ? $"sudo chown -R {TrustedFile.ServiceUser}:{TrustedFile.ServiceUser} {ServiceDirectory}" : null;

    /// <summary>Of a user who ran an agent by hand: the service's does not start beside it.</summary>
    private static bool IsRegionForeign() => FileStatus.Of(RegionLock) is { } found && found.Owner != 0 && found.Owner != Users.IdOf(TrustedFile.ServiceUser);

    private static Finding RegionIs(string path, bool isAlive)
    {
        if (!isAlive && path == HintLayout.DefaultPath && IsRegionForeign())
        {
            return new Finding("region", Verdict.Bad, $"{RegionLock} belongs to {Users.NameOf(FileStatus.Of(RegionLock)!.Value.Owner)}: the service does not start beside it",
                $"sudo systemctl stop mpib-agent.socket mpib-control.socket mpib-agent; {RemoveRegion}sudo systemctl start mpib-agent   # when no job runs");
        }

        using var region = LiveRegion.Open(path, out var problem);
        if (region is null)
        {
            // A living agent made sure that it was its own, and jobs have it mapped. Otherwise who made it may have it open still.
            var mend = FileStatus.Of(path) is not { Type: UnixFileType.Regular } file || TrustedFile.IsTrusted(file.Owner) ? Removing(path) + "sudo systemctl restart mpib-agent"
                : isAlive ? $"sudo chown {TrustedFile.ServiceUser} {path}" : $"sudo rm {path}; sudo systemctl restart mpib-agent";
            return new Finding("region", Verdict.Bad, problem.Split("; run: ")[0], mend);
        }

        if (FileStatus.Of(path) is { } found && (found.Mode & UnixFileMode.OtherRead) == 0)
        {
            return new Finding("region", Verdict.Bad, $"{path}: jobs of other users cannot read it (mode {Convert.ToString((int)found.Mode, 8)})", $"sudo chmod 0644 {path}");
        }

        var stuck = Enumerable.Range(0, HintLayout.SlotCount).Where(slot => region.Read(slot) is null).ToList();
        return stuck.Count > 0
            ? new Finding("region", Verdict.Bad, $"{path}: a writer died in slot {string.Join(", ", stuck)}, whose readers wait", "sudo systemctl restart mpib-agent")
            : new Finding("region", Verdict.Good, string.Create(CultureInfo.InvariantCulture, $"{path}: {HintLayout.RegionSize} bytes, {HintLayout.SlotCount} slots, each can be read"));
    }

    private static Finding Answers(string path)
    {
        var notSeen = new List<string>();
        var mode = FileStatus.Of(path)?.Mode ?? UnixFileMode.None;
        var writers = mode & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite);
        return StatusReport.WhyNoAnswer(path, notSeen) is { } silence
            ? new Finding("socket", Verdict.Bad, silence.Split("; run: ")[0], silence.Split("; run: ") is [_, var mend] ? Removing(path) + "sudo " + mend : null)
            : notSeen.Count == 0 && writers == UnixFileMode.None
            ? new Finding("socket", Verdict.Bad, $"{path}: jobs of other users cannot connect (mode {Convert.ToString((int)mode, 8)})", $"sudo chmod 0666 {path}")
            : notSeen.Count == 0 ? new Finding("socket", Verdict.Good, $"{path} answers")

            // As who runs the host may want it: to open it to all would be no mending.
            : writers == UnixFileMode.GroupWrite
            ? new Finding("socket", Verdict.Skipped, $"{path}: its group alone may connect, and so could not your jobs", $"sudo usermod -aG $(stat -c %G {path}) $USER")
            : new Finding("socket", Verdict.Bad, $"{path}: you may not connect, and so could not your jobs", $"sudo chmod 0666 {path}");
    }

    private static Finding Takes(string path)
    {
        if (GivingBack(path) is { } giving)
        {
            return new Finding("control", Verdict.Bad, $"{path} or its directory belongs to somebody else", giving);
        }

        using var fifo = TrustedFile.Open(path, isFifo: true, out var problem, out _);
        return fifo is not null ? new Finding("control", Verdict.Good, $"{path}: somebody reads it, and you may write")
            : problem.Contains("permission", StringComparison.Ordinal) ? new Finding("control", Verdict.Skipped, $"{path}: you may not command", $"sudo usermod -aG {TrustedFile.ServiceUser} $USER")
            : new Finding("control", Verdict.Bad, problem.Split("; run: ")[0], Removing(path) + "sudo systemctl restart mpib-control.socket mpib-agent");
    }

    private static Finding RailIs(RailState rail, string sysRoot, string policy)
    {
        if (rail.Device.Length == 0)
        {
            return policy is "manual" or "alternating"
                ? new Finding("rail", Verdict.Skipped, $"{rail.Rail} is not named in [Rails]; policy {policy} needs none")
                : new Finding("rail", Verdict.Bad, $"{rail.Rail} is not named in [Rails], and policy {policy} needs it", "sudoedit /etc/mpib/agent.conf; sudo systemctl restart mpib-agent");
        }

        var here = RailReading.Read(sysRoot, rail);
        return here switch
        {
            _ when rail.Reason == RailState.NoAnswer => new Finding("rail", Verdict.Bad, $"{rail.Rail} {rail.Device}: {rail.Reason}, and whoever reads it waits", "sudo dmesg --level=err,warn | tail"),
            { Kind: null } when rail.Up == true => new Finding("rail", Verdict.Skipped, $"{rail.Rail} {rail.Device}: the agent has it, and it is not to be seen from here"),
            { Kind: null } => new Finding("rail", Verdict.Bad, $"{rail.Rail} {rail.Device}: there is no such device",
                "ls /sys/class/infiniband /sys/class/net; sudoedit /etc/mpib/agent.conf; sudo systemctl restart mpib-agent"),
            { IsUp: false } => new Finding("rail", Verdict.Bad, $"{rail.Rail} {rail.Device}: the link is down", here.Kind == "rdma" ? $"ibstat {rail.Device.Split(':')[0]}" : $"ip link show {rail.Device}"),
            { Sent: null } => DoesNotCount(rail, sysRoot, policy),
            { LinkRate: 0 } when policy == "capacity" && rail.LinkRate == 0 => new Finding("rail", Verdict.Bad,
                $"{rail.Rail} {rail.Device}: its rate is not known, and policy capacity needs it", "sudoedit /etc/mpib/agent.conf   # SoutGbps, SupGbps"),
            _ when rail.Reason.Length > 0 => new Finding("rail", Verdict.Odd, $"{rail.Rail} {rail.Device}: {rail.Reason}", "journalctl -u mpib-agent -n 5 --grep rail"),
            _ => new Finding("rail", Verdict.Good, $"{rail.Rail} {rail.Device}: {here.Kind}, up, {Text.LinkRate(rail.LinkRate > 0 ? rail.LinkRate : here.LinkRate)}, its counters can be read"),
        };
    }

    /// <summary>The agent has told why, if it has looked.</summary>
    private static Finding DoesNotCount(RailState rail, string sysRoot, string policy)
    {
        var mend = RailReading.InterfaceUnder(sysRoot, rail.Device) is { } counting
            ? $"sudoedit /etc/mpib/agent.conf; sudo systemctl restart mpib-agent   # {counting} in place of {rail.Device}: it counts what that sends"
            : rail.Reason == RailState.NoCounter ? "journalctl -x -u mpib-agent MPIB_EVENT=rail-counter-missing -n 2" : null;
        return policy == "adaptive" ? new Finding("rail", Verdict.Bad, $"{rail.Rail} {rail.Device}: {RailState.NoCounter}, and policy adaptive needs it", mend)
            : new Finding("rail", Verdict.Odd, $"{rail.Rail} {rail.Device}: {RailState.NoCounter}; policy {policy} does without", mend);
    }

    /// <summary>What the registered processes were started with, where the caller may see it.</summary>
    private static IEnumerable<Finding> Jobs(StatusSnapshot snapshot)
    {
        var processes = snapshot.Slots.SelectMany(slot => slot.Processes).DistinctBy(process => process.Pid).ToList();
        if (processes.Count == 0)
        {
            yield return new Finding("jobs", Verdict.Skipped, "no process is registered; a job that should be: does it have NCCL_NET=MPIB, and does NCCL_DEBUG=INFO name the plugin?");
            yield break;
        }

        if (snapshot.Agent.PidNamespace != 0 && snapshot.Agent.PidNamespace != PidNamespace.Read())
        {
            yield return new Finding("jobs", Verdict.Skipped, "the agent is in another pid namespace: its processes cannot be looked at from here");
            yield break;
        }

        var (sound, hidden) = (0, 0);
        foreach (var process in processes)
        {
            if (ProcessDetails.CommandOf(process.Pid, process.Uid) is not { } command || ProcessDetails.EnvironmentOf(process.Pid) is not { } variables)
            {
                hidden++;
                continue;
            }

            var who = string.Create(CultureInfo.InvariantCulture, $"pid {process.Pid} ({command})");
            var faults = Faults(variables, snapshot).ToList();
            if (MapsAnotherRegion(process.Pid, snapshot.Paths.Region))
            {
                faults.Add("it reads a region that is no longer the agent's: restart the job");
            }

            sound += faults.Count == 0 ? 1 : 0;
            if (faults.Count > 0)
            {
                yield return new Finding("jobs", Verdict.Odd, $"{who}: {string.Join("; ", faults)}");
            }
        }

        var seen = processes.Count - hidden;
        if (sound > 0)
        {
            yield return new Finding("jobs", Verdict.Good, string.Create(CultureInfo.InvariantCulture, $"{sound} of {seen} registered processes have the plugin's variables"));
        }

        if (hidden > 0)
        {
            yield return new Finding("jobs", Verdict.Skipped,
                string.Create(CultureInfo.InvariantCulture, $"{hidden} of {processes.Count} registered processes are not yours to look at, or have just ended"), "sudo mpibctl check");
        }
    }

    private static IEnumerable<string> Faults(Dictionary<string, string> variables, StatusSnapshot snapshot)
    {
        if (variables.GetValueOrDefault("NCCL_NET_PLUGIN") is var plugin && plugin is null or not ("mpib" or "libnccl-net-mpib.so"))
        {
            yield return plugin is null ? "NCCL_NET_PLUGIN is not set (expected mpib)" : $"NCCL_NET_PLUGIN is {plugin} (expected mpib)";
        }

        if (variables.GetValueOrDefault("NCCL_NET") is var net && !string.Equals(net, "MPIB", StringComparison.OrdinalIgnoreCase))
        {
            yield return net is null ? "NCCL_NET is not set (expected MPIB): NCCL may fall back to another network" : $"NCCL_NET is {net} (expected MPIB)";
        }

        foreach (var rail in snapshot.Rails)
        {
            var variable = $"MPIB_HCA_{rail.Rail}";
            if (!variables.TryGetValue(variable, out var device))
            {
                yield return $"{variable} is not set{(rail.Device.Length > 0 ? $" (expected {rail.Device})" : "")}";
            }
            else if (rail.Device.Length > 0 && device.Split(':')[0] != rail.Device.Split(':')[0]
                && RailReading.InterfaceUnder(snapshot.Paths.SysRoot, device) != rail.Device && RailReading.InterfaceUnder(snapshot.Paths.SysRoot, rail.Device) != device)
            {
                yield return $"{variable} is {device}, and the agent looks at {rail.Device}";
            }
        }
    }

    /// <summary>Whether a process has mapped a file of the region's name that is another one by now.</summary>
    private static bool MapsAnotherRegion(int pid, string region)
    {
        if (SmallFile.Read(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/maps"), most: 4 << 20) is not { } bytes || FileStatus.Of(region) is not { } found)
        {
            return false;
        }

        // address perms offset dev inode path
        var inodes = System.Text.Encoding.UTF8.GetString(bytes).Split('\n').Select(line => line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries))
            .Where(words => words.Length == 6 && words[5].TrimStart().Split(" (deleted)")[0] is var mapped && (mapped == region || mapped.StartsWith(region + ".invalid-", StringComparison.Ordinal)))
            .Select(words => words[4]).ToList();
        return inodes.Count > 0 && !inodes.Contains(found.Inode.ToString(CultureInfo.InvariantCulture));
    }

    private static string? AskSystemd(string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo("systemctl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? output : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    /// <summary>A unit's properties, by systemd's names.</summary>
    private sealed record Unit(string LoadState, string ActiveState, string SubState, string MainPid, string Result)
    {
        public bool IsActive => ActiveState == "active";
    }

    /// <param name="Link">Of the chain.</param>
    /// <param name="Verdict">How it is.</param>
    /// <param name="What">Was found.</param>
    /// <param name="Mend">The command that mends it.</param>
    private sealed record Finding(string Link, Verdict Verdict, string What, string? Mend = null);
}

namespace MpibAgent.Logging;

/// <summary>Where log lines go.</summary>
internal enum LogTarget
{
    /// <summary>To the journal when the agent's stderr is connected to it, otherwise to the console.</summary>
    Auto,

    /// <summary>To journald, with fields.</summary>
    Journal,

    /// <summary>To standard output, as readable lines.</summary>
    Console,
}

/// <summary>The least important line that is written.</summary>
internal enum LogLevelName
{
    /// <summary>All that happens.</summary>
    Debug,

    /// <summary>Every registration, command and change of a slot.</summary>
    Info,

    /// <summary>What an operator should look at.</summary>
    Warning,

    /// <summary>What keeps the agent from its job.</summary>
    Error,
}

/// <summary>Settings of the log, section [Log].</summary>
internal sealed class LogOptions
{
    /// <summary>debug, info, warning or error.</summary>
    public LogLevelName Level { get; set; } = LogLevelName.Info;

    /// <summary>auto, journal or console.</summary>
    public LogTarget Target { get; set; } = LogTarget.Auto;
}

using System.Runtime.InteropServices;
using MpibAgent.Interface;

namespace MpibAgent.Telemetry;

/// <summary>Bytes of a datagram to a report. Pure; whether it is to be believed is for others to say.</summary>
internal static class ReportDatagram
{
    private const byte HighestRail = 1;

    /// <summary>Reads a datagram; <see cref="Refusal.None"/> when it is a report.</summary>
    public static Refusal Read(ReadOnlySpan<byte> bytes, out CongestionReport report)
    {
        report = default;
        if (bytes.Length < CongestionReport.DatagramSize)
        {
            return Refusal.Malformed;
        }

        var read = MemoryMarshal.Read<CongestionReport>(bytes);
        if (read.Magic != CongestionReport.ExpectedMagic)
        {
            return Refusal.Malformed;
        }

        // Before its size: another version may have another.
        if (read.Version != CongestionReport.CurrentVersion)
        {
            return Refusal.Version;
        }

        if (bytes.Length != CongestionReport.DatagramSize || read.Size != CongestionReport.DatagramSize || read.Rail > HighestRail
            || (bytes[9] | bytes[10] | bytes[11]) != 0)
        {
            return Refusal.Malformed;
        }

        report = read;
        return Refusal.None;
    }
}
